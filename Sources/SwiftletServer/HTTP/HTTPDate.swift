import Foundation

/// A time as HTTP headers write it (RFC 9110, section 5.6.7): `Sun, 06 Nov 1994 08:49:37 GMT`.
func httpDate(_ date: Date) -> String {
  let days = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
  let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
  var calendar = Calendar(identifier: .gregorian)
  calendar.timeZone = .gmt
  let parts = calendar.dateComponents([.year, .month, .day, .weekday, .hour, .minute, .second], from: date)
  func digits(_ value: Int?, _ width: Int) -> String {
    let text = String(value ?? 0)
    return String(repeating: "0", count: max(0, width - text.count)) + text
  }
  let time = "\(digits(parts.hour, 2)):\(digits(parts.minute, 2)):\(digits(parts.second, 2))"
  let day = "\(days[(parts.weekday ?? 1) - 1]), \(digits(parts.day, 2)) \(months[(parts.month ?? 1) - 1])"
  return "\(day) \(digits(parts.year, 4)) \(time) GMT"
}
