import CKernels
import Foundation
import Testing

/// The scalars that stand in for libm, against libm.
@Suite struct ScalarMathTests {
  @Test func everyHalfConvertsExactlyAndBack() {
    for bits in UInt16.min...UInt16.max where bits & 0x7fff <= 0x7c00 {
      let value = ck_f16_to_f32(bits)
      let exponent = Int(bits >> 10 & 31)
      let mantissa = Double(bits & 1023)
      let magnitude = exponent == 0 ? mantissa * exp2(-24) : (1024 + mantissa) * exp2(Double(exponent) - 25)
      if exponent < 31 { #expect(Double(value) == (bits & 0x8000 == 0 ? magnitude : -magnitude)) }
      #expect(ck_f32_to_f16(value) == bits)
    }
  }

  @Test func floatsRoundToTheNearestHalfWithTiesToEven() {
    #expect(ck_f32_to_f16(1 + 0x1p-11) == ck_f32_to_f16(1))
    #expect(ck_f32_to_f16(1 + 3 * 0x1p-11) == ck_f32_to_f16(1) + 2)
    #expect(ck_f32_to_f16(65_519) == 0x7bff)
    #expect(ck_f32_to_f16(65_520) == 0x7c00)
    #expect(ck_f32_to_f16(0x1p-25) == 0)
    #expect(ck_f32_to_f16(0x1.8p-24) == 2)
    #expect(ck_f32_to_f16(.nan) & 0x7fff > 0x7c00)
    #expect(ck_f32_to_f16(-.infinity) == 0xfc00)
  }

  @Test func logarithmsExponentialsAndAnglesAgreeWithLibm() {
    for step in -800...800 {
      let x = Float(step) / 10
      #expect(abs(Double(ck_expf(x)) / exp(Double(x)) - 1) < 1e-7)
      let y = Float(exp2(Double(step) / 8))
      if y > 0, y < .infinity { #expect(abs(Double(ck_logf(y)) - log(Double(y))) < 1e-7 * max(1, abs(log(Double(y))))) }
      #expect(abs(ck_pow(500_000, Double(x) / 50) / pow(500_000, Double(x) / 50) - 1) < 1e-13)
      let angle = Double(step) * 173.3
      var sine: Float = 0
      var cosine: Float = 0
      ck_sincos(angle, &sine, &cosine)
      #expect(abs(Double(sine) - sin(angle)) < 1e-7)
      #expect(abs(Double(cosine) - cos(angle)) < 1e-7)
    }
    #expect(ck_logf(0) == -.infinity)
    #expect(ck_logf(-1).isNaN)
    #expect(ck_expf(100) == .infinity)
    #expect(ck_expf(-200) == 0)
  }
}
