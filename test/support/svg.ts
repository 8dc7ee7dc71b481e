/** A small writer of SVG pictures: what reports need, and no more. */

/** Attributes of an element; numbers are rounded to a tenth. */
type Attributes = Readonly<Record<string, string | number>>

/** A picture under construction. */
export class Picture {
  readonly #width: number
  readonly #height: number
  readonly #elements: string[] = []

  /** @param width in pixels, as is `height` */
  constructor(width: number, height: number) {
    this.#width = width
    this.#height = height
  }

  rectangle(x: number, y: number, width: number, height: number, fill: string, title?: string): void {
    this.#add('rect', { x, y, width: Math.max(width, 0.5), height, fill }, titleOf(title))
  }

  line(x1: number, y1: number, x2: number, y2: number, stroke: string): void {
    this.#add('line', { x1, y1, x2, y2, stroke })
  }

  /** @param points pairs of x and y */
  curve(points: readonly (readonly [x: number, y: number])[], stroke: string): void {
    const path = points.map(([x, y]) => `${shown(x)},${shown(y)}`).join(' ')
    this.#add('polyline', { points: path, fill: 'none', stroke, 'stroke-width': 1.5 })
  }

  /** A small triangle that points down to its place. */
  mark(x: number, y: number, fill: string, title: string): void {
    const corners = [
      [x - 4, y - 7],
      [x + 4, y - 7],
      [x, y],
    ]
    this.#add(
      'polygon',
      { points: corners.map(pair => pair.map(shown).join()).join(' '), fill },
      titleOf(title),
    )
  }

  text(x: number, y: number, text: string, anchor: 'start' | 'middle' | 'end' = 'start'): void {
    this.#add('text', { x, y, 'text-anchor': anchor }, escaped(text))
  }

  toString(): string {
    const size = `width="${this.#width}" height="${this.#height}" viewBox="0 0 ${this.#width} ${this.#height}"`
    return [
      `<svg xmlns="http://www.w3.org/2000/svg" ${size} font-family="sans-serif" font-size="11">`,
      '<rect width="100%" height="100%" fill="#fff"/>',
      ...this.#elements,
      '</svg>',
      '',
    ].join('\n')
  }

  #add(name: string, attributes: Attributes, content = ''): void {
    const all = Object.entries(attributes).map(([key, value]) => {
      return `${key}="${typeof value === 'number' ? shown(value) : escaped(value)}"`
    })
    this.#elements.push(`<${name} ${all.join(' ')}>${content}</${name}>`)
  }
}

/** Where a value lies between two ends. */
export function scale(from: number, to: number, start: number, end: number): (value: number) => number {
  return value => start + ((value - from) / (to - from || 1)) * (end - start)
}

/** @returns round numbers from 0 to the highest that fits, about as many as asked for */
export function ticksUpTo(highest: number, about: number): number[] {
  const rough = Math.max(highest, 1e-9) / about
  const power = 10 ** Math.floor(Math.log10(rough))
  const step = [1, 2, 5, 10].map(factor => factor * power).find(each => each >= rough) ?? rough
  return Array.from({ length: Math.floor(highest / step) + 1 }, (_, index) => index * step)
}

function titleOf(title: string | undefined): string {
  return title === undefined ? '' : `<title>${escaped(title)}</title>`
}

function shown(value: number | undefined): string {
  return String(Math.round((value ?? 0) * 10) / 10)
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;')
}
