/** How figures read. */
import bytes from 'bytes'

const SECOND_MS = 1000
const MINUTE_MS = 60 * SECOND_MS
const HOUR_MS = 60 * MINUTE_MS
const DAY_MS = 24 * HOUR_MS

/** @returns a length of time in its two largest units: `3 m 12 s` */
export function durationText(ms: number): string {
  if (ms < 10 * SECOND_MS) return `${(Math.max(0, ms) / SECOND_MS).toFixed(1)} s`
  if (ms < MINUTE_MS) return `${Math.floor(ms / SECOND_MS)} s`
  if (ms < HOUR_MS) return `${Math.floor(ms / MINUTE_MS)} m ${Math.floor((ms % MINUTE_MS) / SECOND_MS)} s`
  if (ms < DAY_MS) return `${Math.floor(ms / HOUR_MS)} h ${Math.floor((ms % HOUR_MS) / MINUTE_MS)} m`
  return `${Math.floor(ms / DAY_MS)} d ${Math.floor((ms % DAY_MS) / HOUR_MS)} h`
}

/** @returns an amount of memory: `1.2 KB` */
export function sizeText(size: number): string {
  return bytes.format(size, { unitSeparator: ' ', decimalPlaces: 1 }) ?? `${size} B`
}

/** @returns a number with what it counts: `1 session`, `2 sessions` */
export function countText(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`
}

/** A column of a {@link tableText}. */
export interface Column<Row> {
  readonly title: string
  readonly text: (row: Row) => string
  /** To the right, as numbers are. */
  readonly isNumber?: boolean
}

/** What moves a terminal's cursor, and what turns the direction of writing round. */
const UNPRINTABLE = /[\p{Cc}\u2028-\u202e\u2066-\u2069]/gu

/** @returns a text that others chose, such as a member's name: on one line, and without power over a terminal */
export function plainText(text: string): string {
  return text.replace(UNPRINTABLE, found => `\\u${found.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

/** @returns rows of plain texts below their titles, each column as wide as it must be */
export function tableText<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): string {
  const titles = columns.map(({ title }) => title)
  const lines = [titles, ...rows.map(row => columns.map(({ text }) => plainText(text(row))))]
  // One after the other: there may be more rows than a function takes arguments.
  const widths = columns.map((_, index) =>
    lines.reduce((most, line) => Math.max(most, line[index]?.length ?? 0), 0),
  )
  return lines
    .map(line =>
      line
        .map((text, index) => {
          const width = widths[index] ?? 0
          return columns[index]?.isNumber === true ? text.padStart(width) : text.padEnd(width)
        })
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}
