/** Line charts as SVG, side by side in one picture: no more than the bench needs. */

/** One line. */
export interface Series {
  readonly name: string
  /** A colour of CSS. */
  readonly color: string
  readonly points: readonly Point[]
}

export interface Point {
  readonly x: number
  readonly y: number
}

/** One set of axes. */
export interface Panel {
  readonly title: string
  readonly x: Axis
  readonly y: Axis
  readonly series: readonly Series[]
}

export interface Axis {
  readonly label: string
  /** `log` shows ratios as distances: values must be above 0. `linear` begins at 0. */
  readonly scale: 'linear' | 'log'
}

const WIDTH = 360
const HEIGHT = 300
const MARGIN = { top: 34, right: 26, bottom: 46, left: 62 }
const LEGEND_HEIGHT = 34
const LEGEND_STEP = 150
/** About so many marks on a linear axis. */
const TICKS = 5
const FONT = 'font-family="system-ui, sans-serif" font-size="12" fill="#333"'

/** @returns the text of an SVG file; panels without points are left out */
export function chart(title: string, panels: readonly Panel[]): string {
  const shown = panels.filter(({ series }) => series.some(({ points }) => points.length > 0))
  const names = new Map(
    shown.flatMap(({ series }) => series.map(({ name, color }) => [name, color] as const)),
  )
  const width = Math.max(WIDTH * shown.length, LEGEND_STEP * names.size + MARGIN.left)
  const height = HEIGHT + LEGEND_HEIGHT
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" ${FONT}>`,
    `<title>${escaped(title)}</title>`,
    `<rect width="${width}" height="${height}" fill="#fff"/>`,
    ...shown.flatMap((panel, index) => [
      `<g transform="translate(${index * WIDTH} 0)">`,
      ...panelLines(panel),
      '</g>',
    ]),
    ...[...names].map(([name, color], index) => legendLine(name, color, MARGIN.left + index * LEGEND_STEP)),
    '</svg>',
    '',
  ].join('\n')
}

/** Where values lie on an axis, and which of them are marked. */
interface Scaled {
  at(value: number): number
  readonly ticks: readonly number[]
}

function panelLines({ title, x, y, series }: Panel): string[] {
  const points = series.flatMap(line => line.points)
  const [left, right] = [MARGIN.left, WIDTH - MARGIN.right]
  const [top, bottom] = [MARGIN.top, HEIGHT - MARGIN.bottom]
  const xs = scaled(
    points.map(point => point.x),
    x.scale,
    left,
    right,
  )
  const ys = scaled(
    points.map(point => point.y),
    y.scale,
    bottom,
    top,
  )
  const middle = (top + bottom) / 2
  return [
    text((left + right) / 2, 20, title, 'text-anchor="middle" font-weight="600"'),
    ...ys.ticks.flatMap(value => [
      line(left, ys.at(value), right, ys.at(value), '#ddd'),
      text(left - 6, ys.at(value) + 4, number(value), 'text-anchor="end"'),
    ]),
    ...xs.ticks.flatMap(value => [
      line(xs.at(value), bottom, xs.at(value), bottom + 4, '#999'),
      text(xs.at(value), bottom + 18, number(value), 'text-anchor="middle"'),
    ]),
    line(left, bottom, right, bottom, '#999'),
    text((left + right) / 2, HEIGHT - 8, x.label, 'text-anchor="middle"'),
    text(14, middle, y.label, `text-anchor="middle" transform="rotate(-90 14 ${middle})"`),
    ...series.flatMap(each => seriesLines(each, xs, ys)),
  ]
}

function seriesLines({ color, points }: Series, xs: Scaled, ys: Scaled): string[] {
  const places = points.map(({ x, y }) => [round(xs.at(x)), round(ys.at(y))] as const)
  const path = places.map(([x, y]) => `${x},${y}`).join(' ')
  return [
    `<polyline points="${path}" fill="none" stroke="${color}" stroke-width="2"/>`,
    ...places.map(([x, y]) => `<circle cx="${x}" cy="${y}" r="3" fill="${color}"/>`),
  ]
}

function legendLine(name: string, color: string, x: number): string {
  const y = HEIGHT + LEGEND_HEIGHT / 2
  return `${line(x, y - 4, x + 18, y - 4, color, 2)}${text(x + 24, y, name, '')}`
}

function scaled(values: readonly number[], scale: Axis['scale'], from: number, to: number): Scaled {
  const max = Math.max(...values)
  if (scale === 'linear') {
    const step = roundStep(max / TICKS)
    const end = step * Math.ceil(max / step)
    const ticks = Array.from({ length: Math.round(end / step) + 1 }, (_, index) => index * step)
    return { ticks, at: value => from + ((to - from) * value) / end }
  }
  const [low, high] = [Math.floor(Math.log10(Math.min(...values))), Math.ceil(Math.log10(max))]
  const decades = Math.max(1, high - low)
  const ticks = Array.from({ length: decades + 1 }, (_, index) => 10 ** (low + index))
  return { ticks, at: value => from + ((to - from) * (Math.log10(value) - low)) / decades }
}

/** @returns 1, 2 or 5 times a power of ten, not below the step */
function roundStep(step: number): number {
  const power = 10 ** Math.floor(Math.log10(step))
  const factor = [1, 2, 5, 10].find(each => each * power >= step) ?? 10
  return factor * power
}

function line(x1: number, y1: number, x2: number, y2: number, color: string, width = 1): string {
  const [a, b, c, d] = [x1, y1, x2, y2].map(round)
  return `<line x1="${a}" y1="${b}" x2="${c}" y2="${d}" stroke="${color}" stroke-width="${width}"/>`
}

function text(x: number, y: number, content: string, attributes: string): string {
  return `<text x="${round(x)}" y="${round(y)}" ${attributes}>${escaped(content)}</text>`
}

function number(value: number): string {
  return value.toLocaleString('en', { maximumSignificantDigits: 3 })
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}

function escaped(content: string): string {
  return content.replace(/[&<>"]/g, character => `&#${character.charCodeAt(0)};`)
}
