import ArgumentParser

/// What MODEL means, the same for every command.
enum ModelArgument {
  static let help = ArgumentHelp(
    "A tier (quick, smart, genius), a catalog id, a path to a .gguf, or org/repo[:quant].", valueName: "model")
}
