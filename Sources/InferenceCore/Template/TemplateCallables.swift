/// The functions every template can call.
package enum TemplateFunction: Sendable, CaseIterable {
  case range, dict, namespace, raiseException, strftimeNow

  package var name: StaticString {
    switch self {
    case .range: "range"
    case .dict: "dict"
    case .namespace: "namespace"
    case .raiseException: "raise_exception"
    case .strftimeNow: "strftime_now"
    }
  }
}

/// Methods of strings, lists, mappings and loops.
package enum TemplateMethod: Sendable, CaseIterable {
  case items

  package var name: StaticString {
    switch self {
    case .items: "items"
    }
  }
}
