/** What became of an overload, as a table and as a picture. */
import { Picture, scale, ticksUpTo } from '../support/svg.js'
import type { PhaseResult } from './open-load.js'
import type { OverloadReport } from './overload.js'

/** @returns lines of Markdown */
export function overloadTable({
  peakPerSecond,
  phases,
  afterwards,
  sessions,
  violations,
}: OverloadReport): string[] {
  const row = (name: string, phase: PhaseResult) => {
    const { offeredPerSecond, servedPerSecond, refused, servedMs, refusedMs, drainedMs, failures } = phase
    const share = Math.round((100 * servedPerSecond) / peakPerSecond)
    const others = Object.entries(failures).map(([what, times]) => `${times} × ${what}`)
    const cells = [
      ...[name, offeredPerSecond.toFixed(0), `${servedPerSecond.toFixed(0)} (${share} %)`, String(refused)],
      ...[
        servedMs.median.toFixed(0),
        servedMs.p95.toFixed(0),
        refused === 0 ? '' : refusedMs.median.toFixed(0),
      ],
      ...[drainedMs.toFixed(0), others.join(', ') || 'none'],
    ]
    return `| ${cells.join(' | ')} |`
  }
  return [
    '| offered | requests/s | served/s (of the peak) | 503 | served: median ms | 95 % ms | 503: median ms | drained after ms | other failures |',
    '|---|---|---|---|---|---|---|---|---|',
    ...phases.map(phase => row(`${phase.factor} × peak`, phase)),
    row('afterwards, ½ × peak', afterwards),
    '',
    `Peak: ${peakPerSecond.toFixed(0)} requests/s. ${sessions} sessions were read once more at the end.`,
    `Violations: ${violations.length === 0 ? 'none' : violations.join('; ')}.`,
  ]
}

const WIDTH = 640
const HEIGHT = 300
const LEFT = 60
const BOTTOM = HEIGHT - 40

/** @returns an SVG picture: offered load to the right, what was served of it upwards */
export function overloadCurve({ peakPerSecond, phases }: OverloadReport): string {
  const picture = new Picture(WIDTH, HEIGHT)
  const factorMax = Math.max(...phases.map(({ factor }) => factor))
  const servedMax = 1.2 * Math.max(peakPerSecond, ...phases.map(({ servedPerSecond }) => servedPerSecond))
  const x = scale(0, factorMax, LEFT, WIDTH - 20)
  const y = scale(0, servedMax, BOTTOM, 30)
  for (const value of ticksUpTo(servedMax, 5)) {
    picture.line(LEFT, y(value), WIDTH - 20, y(value), '#ddd')
    picture.text(LEFT - 6, y(value) + 4, value.toFixed(0), 'end')
  }
  for (const value of ticksUpTo(factorMax, 10)) picture.text(x(value), BOTTOM + 16, `${value} ×`, 'middle')
  picture.text(WIDTH / 2, HEIGHT - 6, 'offered, of what visitors in a row are served', 'middle')
  picture.text(LEFT, 16, 'served requests/s (blue), 80 % of the peak (grey)')
  picture.line(LEFT, y(0.8 * peakPerSecond), WIDTH - 20, y(0.8 * peakPerSecond), '#888')
  picture.curve(
    [[x(0), y(0)], ...phases.map(phase => [x(phase.factor), y(phase.servedPerSecond)] as const)],
    '#2563eb',
  )
  return picture.toString()
}
