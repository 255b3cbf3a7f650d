// Building documents without markup in strings: text can only ever become text.

/** An element. Attributes: `on*` are listeners, booleans switch, `class`, `text` and others as named. */
function element(name, attributes = {}, ...children) {
  return fill(document.createElement(name), attributes, children);
}

/** The same for SVG. */
function svg(name, attributes = {}, ...children) {
  return fill(document.createElementNS("http://www.w3.org/2000/svg", name), attributes, children);
}

function fill(node, attributes, children) {
  for (const [key, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else if (key === "text") node.textContent = value;
    else if (key === "style") setStyle(node, value);
    else node.setAttribute(key, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== undefined && child !== null));
  return node;
}

/** Sets properties one by one, which a content security policy allows where a style attribute is refused. */
function setStyle(node, properties) {
  for (const [key, value] of Object.entries(properties)) node.style.setProperty(key, value);
}

/** Text that someone else wrote: isolated, so that its marks of direction end with it. */
function foreign(text, attributes = {}) {
  return element("bdi", { dir: "auto", text, ...attributes });
}

/** A key that breaks behind its underscores where a line has no room for it. */
function breakable(key) {
  return key.split("_").flatMap((word, index) => (index ? ["_", element("wbr"), word] : [word]));
}

function byId(id) {
  return document.getElementById(id);
}

/** A labelled select. Options are [value, text]. */
function selectField(label, options, value, onchange, id) {
  const select = element("select", { id, onchange: () => onchange(select.value) });
  for (const [key, text] of options) select.append(element("option", { value: key, text }));
  select.value = value;
  const field = element("label", { class: "field" }, element("span", { text: label }), select);
  sizeToOptions(field, select);
  return field;
}

/** Says how long the longest of a field's texts is, for the style to give it no more room than that. */
function sizeToOptions(field, select) {
  const texts = [field.textContent.length - select.textContent.length, ...[...select.options].map((option) => option.text.length)];
  field.style.setProperty("--characters", Math.max(...texts));
}
