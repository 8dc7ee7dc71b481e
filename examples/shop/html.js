/** HTML in template strings: every value is escaped, unless it is HTML itself. */

const ESCAPES = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }

/** A piece of HTML that needs no escaping any more. */
class Html {
  #text

  constructor(text) {
    this.#text = text
  }

  toString() {
    return this.#text
  }
}

/** html`<p>${value}</p>`: lists are joined; null, undefined and false leave nothing. */
export function html(strings, ...values) {
  return new Html(strings.reduce((text, part, index) => text + piece(values[index - 1]) + part))
}

/** For HTML that was written by us, such as the drawings of the products. */
export function trusted(text) {
  return new Html(text)
}

function piece(value) {
  if (value instanceof Html) return value.toString()
  if (Array.isArray(value)) return value.map(piece).join('')
  if (value === null || value === undefined || value === false) return ''
  return String(value).replace(/[&<>"']/g, character => ESCAPES[character])
}
