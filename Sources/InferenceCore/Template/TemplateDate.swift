/// A local date and time, for `strftime_now`; the host reads the clock.
public struct TemplateDate: Sendable {
  public var year: Int
  /// From 1 to 12.
  public var month: Int
  /// From 1 to 31.
  public var day: Int
  public var hour: Int
  public var minute: Int
  public var second: Int

  public init(year: Int, month: Int, day: Int, hour: Int = 0, minute: Int = 0, second: Int = 0) {
    self.year = year
    self.month = month
    self.day = day
    self.hour = hour
    self.minute = minute
    self.second = second
  }
}

extension TemplateDate {
  /// The date in the format of C's `strftime`, in the C locale; an unknown conversion stays as it is written.
  func formatted(_ format: [UInt8]) -> [UInt8] {
    var result: [UInt8] = []
    var index = 0
    while index < format.count {
      guard format[index] == UInt8(ascii: "%"), index + 1 < format.count else {
        result.append(format[index])
        index += 1
        continue
      }
      let hasDash = format[index + 1] == UInt8(ascii: "-") && index + 2 < format.count
      let conversion = format[index + (hasDash ? 2 : 1)]
      if let text = text(conversion, isPadded: !hasDash) {
        result += text
      } else {
        result += format[index...(index + (hasDash ? 2 : 1))]
      }
      index += hasDash ? 3 : 2
    }
    return result
  }

  private func text(_ conversion: UInt8, isPadded: Bool) -> [UInt8]? {
    func number(_ value: Int, _ width: Int, _ fill: UInt8 = UInt8(ascii: "0")) -> [UInt8] {
      let digits = DecimalConversion.integer(Int64(value))
      return [UInt8](repeating: fill, count: isPadded ? max(width - digits.count, 0) : 0) + digits
    }
    let hour12 = hour % 12 == 0 ? 12 : hour % 12
    switch conversion {
    case UInt8(ascii: "Y"): return DecimalConversion.integer(Int64(year))
    case UInt8(ascii: "y"): return number((year % 100 + 100) % 100, 2)
    case UInt8(ascii: "m"): return number(month, 2)
    case UInt8(ascii: "d"): return number(day, 2)
    case UInt8(ascii: "e"): return number(day, 2, 0x20)
    case UInt8(ascii: "H"): return number(hour, 2)
    case UInt8(ascii: "I"): return number(hour12, 2)
    case UInt8(ascii: "M"): return number(minute, 2)
    case UInt8(ascii: "S"): return number(second, 2)
    case UInt8(ascii: "j"): return number(dayOfYear, 3)
    case UInt8(ascii: "u"): return number(weekday == 0 ? 7 : weekday, 1)
    case UInt8(ascii: "w"): return number(weekday, 1)
    case UInt8(ascii: "p"): return hour < 12 ? "AM".bytes : "PM".bytes
    case UInt8(ascii: "B"): return monthName
    case UInt8(ascii: "b"), UInt8(ascii: "h"): return Array(monthName.prefix(3))
    case UInt8(ascii: "A"): return weekdayName
    case UInt8(ascii: "a"): return Array(weekdayName.prefix(3))
    case UInt8(ascii: "F"): return formatted("%Y-%m-%d".bytes)
    case UInt8(ascii: "T"), UInt8(ascii: "X"): return formatted("%H:%M:%S".bytes)
    case UInt8(ascii: "R"): return formatted("%H:%M".bytes)
    case UInt8(ascii: "D"), UInt8(ascii: "x"): return formatted("%m/%d/%y".bytes)
    case UInt8(ascii: "c"): return formatted("%a %b %e %H:%M:%S %Y".bytes)
    case UInt8(ascii: "n"): return [0x0A]
    case UInt8(ascii: "t"): return [0x09]
    // The local time carries no zone, as Python's naive datetime.
    case UInt8(ascii: "Z"), UInt8(ascii: "z"): return []
    case UInt8(ascii: "%"): return [conversion]
    default: return nil
    }
  }

  private var isLeapYear: Bool { year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) }

  private var dayOfYear: Int {
    let days = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334]
    return days[min(max(month, 1), 12) - 1] + day + (month > 2 && isLeapYear ? 1 : 0)
  }

  /// From 0 for Sunday, in the Gregorian calendar.
  private var weekday: Int {
    let before = year - 1
    let days = before * 365 + before / 4 - before / 100 + before / 400 + dayOfYear
    return (days % 7 + 7) % 7
  }

  private var monthName: [UInt8] {
    let names: [StaticString] = [
      "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
      "December",
    ]
    return names[min(max(month, 1), 12) - 1].bytes
  }

  private var weekdayName: [UInt8] {
    let names: [StaticString] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"]
    return names[weekday].bytes
  }
}
