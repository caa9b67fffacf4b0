"""What the keyboard alone reaches on the page as it is."""

# What can have the focus now: a modal dialog keeps it, and of a group of radio buttons one has it for all.
BEGIN = """() => {
  const top = [...document.querySelectorAll('dialog:modal')].at(-1) ?? document;
  const parts = 'a[href], button, input, select, textarea, summary, [tabindex]';
  const wanted = [...top.querySelectorAll(parts)].filter((node) =>
    node.tabIndex >= 0 && !node.disabled && !node.closest('[inert], [popover]:not(:popover-open)')
    && node.checkVisibility({ visibilityProperty: true }) && node.getClientRects().length > 0
    && !(node.type === 'radio' && !node.checked && node.form?.elements[node.name]?.value));
  const look = (node) => {
    const { outlineStyle, boxShadow, borderColor, backgroundColor, transform, opacity } = getComputedStyle(node);
    return [outlineStyle, boxShadow, borderColor, backgroundColor, transform, opacity].join();
  };
  const around = (node) => [node, node.parentElement, node.parentElement?.parentElement].filter(Boolean);
  document.activeElement?.blur();
  window.keyboard = { wanted, around, look, before: new Map(wanted.map((node) => [node, around(node).map(look)])), seen: new Set() };
  return wanted.length;
}"""

# After a press of Tab: what has the focus, and what is wrong with that.
NOTE = """() => {
  const { before, around, look, seen } = window.keyboard;
  const node = document.activeElement;
  if (!node || node === document.body || seen.has(node)) return null;
  seen.add(node);
  const faults = [];
  const looks = before.get(node);
  if (looks && around(node).map(look).join() === looks.join()) faults.push('does not show its focus');
  const { left, right, top, bottom } = node.getClientRects()[0] ?? node.getBoundingClientRect();
  // Some of it has to be seen.
  const places = [0.1, 0.5, 0.9].flatMap((x) => [0.1, 0.5, 0.9].map((y) => [left + (right - left) * x, top + (bottom - top) * y]));
  const isSeen = ([x, y]) => {
    const hit = document.elementFromPoint(x, y);
    return hit && (node.contains(hit) || hit.contains(node) || [...(node.labels ?? [])].some((label) => label.contains(hit)));
  };
  if (!places.some(isSeen)) faults.push('has the focus out of sight');
  return faults.map((fault) => `${node.outerHTML.slice(0, 100)} ${fault}`);
}"""

MISSED = """() => window.keyboard.wanted
  .filter((node) => node.isConnected && !window.keyboard.seen.has(node) && node.checkVisibility())
  .map((node) => `${node.outerHTML.slice(0, 100)} is not reached`)"""


def keyboard(page):
    """What Tab does not reach, or reaches without showing it."""
    faults = []
    for _ in range(page.evaluate(BEGIN) + 12):
        page.keyboard.press("Tab")
        faults += page.evaluate(NOTE) or []
    return faults + page.evaluate(MISSED)
