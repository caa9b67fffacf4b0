import CBrowserRuntime
import InferenceCore

/// The page's graphics card: what the engine asks of it goes to the page, number by number.
final class BrowserGraphics: GraphicsDevice {
  let limits: GraphicsLimits

  init(limits: GraphicsLimits) {
    self.limits = limits
  }

  func makeBuffer(bytes: Int, isUniform: Bool) -> UInt32 {
    UInt32(host_gpu_buffer(Double(bytes), isUniform ? 1 : 0))
  }

  func write(_ bytes: UnsafeRawBufferPointer, to buffer: UInt32, at offset: Int) {
    host_gpu_write(Double(buffer), Double(offset), browser_address(bytes.baseAddress), Double(bytes.count))
  }

  /// The files' names in one line, the constants after it.
  func makePipeline(files: [StaticString], constants: String) -> UInt32 {
    var text = ""
    for file in files { text += text.isEmpty ? "\(file)" : " \(file)" }
    text += "\n" + constants
    return text.withUTF8 { UInt32(host_gpu_pipeline(browser_address($0.baseAddress), Double($0.count))) }
  }

  /// Of each range three numbers: the buffer, the offset and the count.
  func bind(_ ranges: [BufferRange]) -> UInt32 {
    var numbers: [Double] = []
    for range in ranges { numbers += [Double(range.buffer), Double(range.offset), Double(range.count)] }
    return numbers.withUnsafeBytes { UInt32(host_gpu_bind(browser_address($0.baseAddress), Double(ranges.count))) }
  }

  func submit(_ commands: [UInt32], reading: (from: BufferRange, to: UnsafeMutableRawPointer)?, ticket: UInt32) {
    let range = [
      Double(reading?.from.buffer ?? 0), Double(reading?.from.offset ?? 0), Double(reading?.from.count ?? 0),
    ]
    commands.withUnsafeBytes { commands in
      range.withUnsafeBytes { range in
        host_gpu_submit(
          browser_address(commands.baseAddress), Double(commands.count / 4), browser_address(range.baseAddress),
          browser_address(reading?.to), Double(ticket))
      }
    }
  }

  func release() {
    host_gpu_release()
  }
}
