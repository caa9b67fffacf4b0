/** As much of a document as drawing Markdown needs, so that it is tested without a browser. */

class FakeNode {
  parent = null;
  nodes = [];
  get childNodes() {
    return this.nodes;
  }
  get nextSibling() {
    return this.parent?.nodes[this.parent.nodes.indexOf(this) + 1] ?? null;
  }
  get isConnected() {
    return this.parent !== null;
  }
  get lastChild() {
    return this.nodes.at(-1);
  }
  get textContent() {
    return this.nodes.map((node) => node.textContent).join('');
  }
  set textContent(text) {
    this.replaceChildren(text);
  }
  append(...added) {
    for (const node of added.map((one) => (typeof one === 'string' ? new FakeText(one) : one))) {
      node.remove();
      node.parent = this;
      this.nodes.push(node);
    }
  }
  appendChild(node) {
    this.append(node);
  }
  prepend(node) {
    const rest = [...this.nodes];
    this.replaceChildren(node, ...rest);
  }
  replaceChildren(...added) {
    for (const node of this.nodes) node.parent = null;
    this.nodes = [];
    this.append(...added);
  }
  replaceWith(other) {
    const { parent } = this;
    parent.nodes[parent.nodes.indexOf(this)] = other;
    other.parent = parent;
    this.parent = null;
  }
  remove() {
    if (this.parent) this.parent.nodes = this.parent.nodes.filter((node) => node !== this);
    this.parent = null;
  }
}

class FakeText extends FakeNode {
  constructor(data) {
    super();
    this.data = data;
  }
  appendData(text) {
    this.data += text;
  }
  get textContent() {
    return this.data;
  }
}

class FakeElement extends FakeNode {
  constructor(tag) {
    super();
    this.tag = tag;
    this.attributes = {};
    this.listeners = {};
  }
  setAttribute(name, value) {
    this.attributes[name] = value;
  }
  removeAttribute(name) {
    delete this.attributes[name];
  }
  toggleAttribute(name, on) {
    if (on) this.attributes[name] ??= '';
    else delete this.attributes[name];
  }
  addEventListener(name, listener) {
    this.listeners[name] = listener;
  }
  querySelector() {
    return null;
  }
}

/** Puts it where the page's modules look for it. */
export function installFakeDocument() {
  globalThis.Node = FakeNode;
  globalThis.document = {
    createElement: (tag) => new FakeElement(tag),
    createElementNS: (_, tag) => new FakeElement(tag),
    createTextNode: (text) => new FakeText(text),
    head: new FakeElement('head'),
  };
}

/** The markup of what is in an element. */
export function markup(node) {
  return node.nodes
    .map((child) => {
      if (child instanceof FakeText) return child.data.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
      const attributes = Object.entries(child.attributes).map(([name, value]) => ` ${name}="${value}"`);
      return `<${child.tag}${attributes.join('')}>${markup(child)}</${child.tag}>`;
    })
    .join('');
}
