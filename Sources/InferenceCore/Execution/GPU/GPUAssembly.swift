/// Gives dispatches their pipelines, bindings and parameters: what is the same twice is made once.
struct GPUAssembly {
  let device: any GraphicsDevice
  let vectors: BufferRange
  let step: BufferRange
  let work: BufferRange
  let cache: GPUCache

  private var kernels: [GPUKernel] = []
  private var pipelines: [UInt32] = []
  var kernelCount: Int { pipelines.count }

  /// Bytes of a dispatch's parameters.
  private static let parameterBytes = 256

  init(device: any GraphicsDevice, vectors: BufferRange, step: BufferRange, work: BufferRange, cache: GPUCache) {
    (self.device, self.vectors, self.step, self.work, self.cache) = (device, vectors, step, work, cache)
  }

  /// The passes that were written down.
  mutating func assemble(_ written: [(drafts: [GPUPassWriter.Draft], layerStarts: [Int])]) -> [GPUPass] {
    let slot = padded(Self.parameterBytes, device.limits.alignment)
    let count = written.reduce(0) { $0 + $1.drafts.count }
    let parameters = BufferRange(device.makeBuffer(bytes: count * slot, isUniform: true), count: count * slot)
    var words: [UInt32] = []
    var passes: [GPUPass] = []
    for (drafts, layerStarts) in written {
      var pass = GPUPass()
      pass.layerStarts = layerStarts
      for draft in drafts {
        let place = words.count * MemoryLayout<UInt32>.size
        precondition(draft.parameters.count * MemoryLayout<UInt32>.size <= Self.parameterBytes)
        words += draft.parameters
        words += repeatElement(0, count: slot / MemoryLayout<UInt32>.size - draft.parameters.count)
        let binding = device.bind([
          draft.weights ?? vectors, vectors, step, work, cache.range(ofLayer: draft.layer),
          BufferRange(parameters.buffer, offset: place, count: Self.parameterBytes),
        ])
        pass.dispatches.append(
          GPUPass.Dispatch(pipeline: pipeline(draft.kernel), binding: binding, x: draft.x, y: draft.y, z: draft.z))
      }
      passes.append(pass)
    }
    words.withUnsafeBytes { device.write($0, to: parameters.buffer, at: 0) }
    return passes
  }

  private mutating func pipeline(_ kernel: GPUKernel) -> UInt32 {
    if let known = kernels.firstIndex(of: kernel) { return pipelines[known] }
    let made = device.makePipeline(files: kernel.files, constants: kernel.constants)
    kernels.append(kernel)
    pipelines.append(made)
    return made
  }
}
