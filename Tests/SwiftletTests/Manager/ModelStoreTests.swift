import Foundation
import Observation
import Swiftlet
import SwiftletTestSupport
import Testing

@MainActor
@Suite struct ModelStoreTests {
  @Test func theStoreShowsALoadFromItsBeginningToItsEnd() async throws {
    let fixture = try ManagerFixture()
    let store = ModelStore(manager: fixture.manager)
    #expect(store.currentModel == nil && !store.isLoading && store.loadingStep == .idle && store.error == nil)
    #expect(store.availableModels == ModelCatalog.models)
    let steps = store.values(of: \.loadingStep)
    await store.loadModel(fixture.model)
    #expect(store.currentModel == fixture.model && !store.isLoading)
    #expect(store.loadingStep == .ready && store.downloadProgress == 1)
    var seen: [LoadingStep] = []
    for await step in steps {
      seen.append(step)
      if step == .ready { break }
    }
    #expect(seen == [.idle, .downloading, .compiling, .ready])
    await store.resetModel()
    #expect(store.currentModel == nil && store.loadingStep == .idle && store.downloadProgress == 0)
    await fixture.manager.terminate()
  }

  @Test func anErrorIsShownUntilItIsCleared() async throws {
    let fixture = try ManagerFixture()
    let store = ModelStore(manager: fixture.manager)
    await store.loadModel("/nowhere/model.gguf")
    #expect(store.loadingStep == .error && store.error?.code == .modelNotFound && !store.isLoading)
    await store.resetModel()
    #expect(store.loadingStep == .idle && store.error == nil)
    await fixture.manager.terminate()
  }

  @Test func aDownloadCanBeCancelled() async throws {
    let (provider, cancelled) = ManagerFixture.slow()
    let manager = try ManagerFixture(provider: provider).manager
    let store = ModelStore(manager: manager)
    let load = Task { await store.loadModel("slow") }
    #expect(await eventually { store.downloadProgress > 0 })
    #expect(store.isLoading && store.loadingStep == .downloading && store.currentModel == "slow")
    store.cancelDownload()
    await load.value
    for await _ in cancelled { break }
    #expect(!store.isLoading && store.loadingStep == .idle && store.error == nil && store.currentModel == nil)
    await manager.terminate()
  }

  /// The promise of selection: an observer of one slice is not called when another changes.
  @Test func anObserverOfOneSliceHearsNothingOfAnother() async throws {
    let (provider, _) = ManagerFixture.slow()
    let manager = try ManagerFixture(provider: provider).manager
    let store = ModelStore(manager: manager)
    let load = Task { await store.loadModel("slow") }
    #expect(await eventually { store.downloadProgress > 0 })

    let calls = Collected<String>()
    func watch(_ name: String, _ read: () -> Void) {
      withObservationTracking(read) { calls.append(name) }
    }
    watch("model") { _ = store.currentModel }
    watch("loading") { _ = store.isLoading }
    watch("step") { _ = store.loadingStep }
    watch("error") { _ = store.error }
    watch("models") { _ = store.availableModels }
    watch("progress") { _ = store.downloadProgress }
    let progress = store.downloadProgress
    #expect(await eventually { store.downloadProgress > progress + 0.001 })
    #expect(calls.values == ["progress"])

    store.cancelDownload()
    await load.value
    #expect(Set(calls.values) == ["progress", "model", "loading", "step"])
    await manager.terminate()
  }

  @Test func aSelectedValueComesOnlyWhenItIsAnother() async throws {
    let (provider, _) = ManagerFixture.slow()
    let manager = try ManagerFixture(provider: provider).manager
    let store = ModelStore(manager: manager)
    let loading = store.values { $0.isLoading }
    let halves = store.values { Int($0.downloadProgress * 1000) }
    let load = Task { await store.loadModel("slow") }
    #expect(await eventually { store.downloadProgress > 0.004 })
    store.cancelDownload()
    await load.value

    var seen: [Bool] = []
    for await value in loading {
      seen.append(value)
      if seen.count == 3 { break }
    }
    #expect(seen == [false, true, false])
    var last = -1
    for await value in halves {
      #expect(value != last)
      last = value
      if value == 0, seen.count == 4 { break }
      if value == 0 { seen.append(false) }
    }
    await manager.terminate()
  }

  @Test func aForgottenStoreIsFreed() async throws {
    let fixture = try ManagerFixture()
    weak var forgotten: ModelStore?
    do {
      let store = ModelStore(manager: fixture.manager)
      forgotten = store
      await store.loadModel(fixture.model)
    }
    // Its task lets go at the next change.
    await fixture.manager.unload()
    #expect(await eventually { forgotten == nil })
    await fixture.manager.terminate()
  }
}
