import CKernels

/// SHA-256 (FIPS 180-4) over bytes that arrive in pieces of any size.
///
/// The tab needs a hash it can feed while a download streams, which WebCrypto does not offer; natively the same routine
/// keeps a cryptography library out of the dependencies.
public struct SHA256: Sendable {
  private var state: [UInt32] = [
    0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19,
  ]
  /// Bytes of the block that is not full yet; always fewer than 64.
  private var pending: [UInt8] = []
  /// Bytes hashed so far.
  public private(set) var count: UInt64 = 0

  /// Starts with no bytes.
  public init() {
    pending.reserveCapacity(blockSize)
  }

  /// Hashes further bytes.
  public mutating func update(_ bytes: UnsafeRawBufferPointer) {
    count += UInt64(bytes.count)
    var rest = bytes[...]
    if !pending.isEmpty {
      let taken = rest.prefix(blockSize - pending.count)
      pending.append(contentsOf: taken)
      rest = rest.dropFirst(taken.count)
      if pending.count < blockSize { return }
      pending.withUnsafeBufferPointer { ck_sha256_blocks(&state, $0.baseAddress, 1) }
      pending.removeAll(keepingCapacity: true)
    }
    let blockCount = rest.count / blockSize
    if blockCount > 0, let start = UnsafeRawBufferPointer(rebasing: rest).baseAddress {
      ck_sha256_blocks(&state, start.assumingMemoryBound(to: UInt8.self), blockCount)
      rest = rest.dropFirst(blockCount * blockSize)
    }
    pending.append(contentsOf: rest)
  }

  /// Hashes further bytes.
  public mutating func update(_ bytes: [UInt8]) {
    bytes.withUnsafeBytes { update($0) }
  }

  /// The 32 bytes of the digest of everything so far; more may be hashed afterwards.
  public func digest() -> [UInt8] {
    var last = self
    let bitCount = count &* 8
    let padding = 1 + (119 - pending.count) % blockSize
    var tail = [UInt8](repeating: 0, count: padding)
    tail[0] = 0x80
    for shift in stride(from: 56, through: 0, by: -8) {
      tail.append(UInt8(truncatingIfNeeded: bitCount >> UInt64(shift)))
    }
    last.update(tail)
    var digest: [UInt8] = []
    digest.reserveCapacity(32)
    for word in last.state {
      for shift in stride(from: 24, through: 0, by: -8) {
        digest.append(UInt8(truncatingIfNeeded: word >> UInt32(shift)))
      }
    }
    return digest
  }

  /// The digest as 64 lowercase hexadecimal digits, as the hub and `sha256sum` write it.
  public func hexadecimalDigest() -> String {
    var text: [UInt8] = []
    text.reserveCapacity(64)
    for byte in digest() {
      for nibble in [byte >> 4, byte & 15] {
        text.append(nibble < 10 ? 0x30 + nibble : 0x57 + nibble)
      }
    }
    return String(decoding: text, as: UTF8.self)
  }
}

private let blockSize = 64
