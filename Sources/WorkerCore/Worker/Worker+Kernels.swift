import InferenceCore

/// Says when the kernels of a loaded model are to be checked again.
///
/// A browser replaces compiled code by better optimized code when it has run often enough, which no program is told of. So
/// the pauses grow with the work done: early changes are seen early, and late ones cost nothing to look for.
struct KernelWatch {
  let check: KernelCheck
  private var slices = 0
  private var next = 2

  init(_ check: KernelCheck) {
    self.check = check
  }

  /// Counts a slice of work that is about to be done; true when a check is due before it.
  mutating func isDue() -> Bool {
    slices += 1
    guard slices == next else { return false }
    next *= 4
    return true
  }
}

extension Worker {
  /// Checks the kernels that a model will use, before its first token.
  ///
  /// - Throws: `unsupportedPlatform` when no instruction set of this machine computes rightly.
  func watchKernels(_ file: GGUFFile, _ h: Hyperparameters) throws(WorkerError) {
    let formats = TensorFormat.allCases.filter { format in
      file.tensors.contains { $0.format == format && $0.shape.count > 1 }
    }
    let check = KernelCheck(formats: formats, heads: h.headLengths)
    guard host.kernelsPass(check) || takeOtherKernels(check) else { throw Self.noKernels }
    kernelWatch = KernelWatch(check)
  }

  /// Checks the kernels again when it is time for that, before a slice of the running generation.
  ///
  /// Wrong ones are replaced. What they may have left in the cache is forgotten, and a reply that has begun fails rather
  /// than go on with what may be nonsense.
  func recheckKernels() {
    guard kernelWatch?.isDue() == true, let check = kernelWatch?.check, !host.kernelsPass(check) else { return }
    let areReplaced = takeOtherKernels(check)
    model?.executor.giveUp()
    model?.forgetTokens()
    model?.forgetSpeeds()
    scheduler.parts = []
    // Nobody knows since when they are wrong.
    forget("")
    guard areReplaced else {
      unload(failing: Self.noKernels)
      return
    }
    let running = scheduler.running
    scheduler.running = []
    for var generation in running {
      if generation.timings.predictedCount == 0 {
        generation.beginAgain()
        scheduler.running.append(generation)
      } else {
        host.emit(.failed(generation.id, Self.wasWrong))
      }
    }
  }

  private func takeOtherKernels(_ check: KernelCheck) -> Bool {
    while KernelCheck.simplify() {
      kernelChanges += 1
      if host.kernelsPass(check) { return true }
    }
    return false
  }

  private static var wasWrong: WorkerError {
    WorkerError(
      .internalError,
      "The engine noticed that it computed wrongly here, so this reply may be wrong. It computes in a simpler way "
        + "from now on: please ask again.")
  }

  private static var noKernels: WorkerError {
    WorkerError(
      .unsupportedPlatform,
      "The engine computes wrongly here, with every kind of instructions that it knows. Another browser, or a newer "
        + "version of this one, may do better.")
  }
}
