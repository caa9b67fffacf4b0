import InferenceCore

/// How conversations are written for a model whose file has no chat template.
public struct DefaultTemplate: Sendable {
  /// For people.
  public let name: StaticString
  /// The control token by which a vocabulary shows that its model knows this form.
  let token: StaticString
  /// Jinja.
  public let source: StaticString
  /// Texts that end a reply, for models that know no end of turn as a token.
  let stops: [StaticString]

  private static let table = [
    DefaultTemplate(
      name: "ChatML", token: "<|im_start|>",
      source: """
        {% for m in messages %}<|im_start|>{{ m.role }}
        {{ m.content or '' }}<|im_end|>
        {% endfor %}{% if add_generation_prompt %}<|im_start|>assistant
        {% endif %}
        """,
      stops: ["<|im_end|>", "<|im_start|>"]),
    DefaultTemplate(
      name: "Llama 3", token: "<|start_header_id|>",
      source: """
        {{ bos_token or '' }}{% for m in messages %}<|start_header_id|>{{ m.role }}<|end_header_id|>

        {{ (m.content or '') | trim }}<|eot_id|>{% endfor %}\
        {% if add_generation_prompt %}<|start_header_id|>assistant<|end_header_id|>

        {% endif %}
        """, stops: []),
    DefaultTemplate(
      name: "Gemma", token: "<start_of_turn>",
      source: """
        {{ bos_token or '' }}{% set first = messages[0].content + '\n\n' if messages[0].role == 'system' else '' %}\
        {% for m in messages if m.role != 'system' %}<start_of_turn>{{ 'model' if m.role == 'assistant' else m.role }}
        {{ first if loop.first else '' }}{{ (m.content or '') | trim }}<end_of_turn>
        {% endfor %}{% if add_generation_prompt %}<start_of_turn>model
        {% endif %}
        """, stops: []),
    DefaultTemplate(
      name: "Phi-3", token: "<|assistant|>",
      source: """
        {% for m in messages %}<|{{ m.role }}|>
        {{ m.content or '' }}<|end|>
        {% endfor %}{% if add_generation_prompt %}<|assistant|>
        {% endif %}
        """, stops: ["<|end|>", "<|user|>"]),
  ]

  /// The form whose tokens a vocabulary has; ChatML, as with llama.cpp, when it has none's.
  public static func of(_ tokenizer: Tokenizer) -> (template: DefaultTemplate, isKnown: Bool) {
    for template in table where tokenizer.hasControlToken(template.token) { return (template, true) }
    return (table[0], false)
  }

  /// What to tell people about a model without a chat template.
  public static func warning(_ tokenizer: Tokenizer) -> String {
    let (template, isKnown) = of(tokenizer)
    let text = "The model's file has no chat template, so conversations are written as \(template.name)"
    return text + (isKnown ? ", whose tokens it has." : ", which it may not know: it may only continue texts.")
  }
}

extension Tokenizer {
  /// What to tell people about a file's tokenizer and chat template; nil when there is nothing.
  public func warning(of file: GGUFFile) -> String? {
    guard file.value("tokenizer.chat_template") == nil else { return warning }
    let text = DefaultTemplate.warning(self)
    return warning.map { "\($0) \(text)" } ?? text
  }
}
