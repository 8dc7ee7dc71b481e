/** What became of chaos: as a table, and as a picture over time. */
import { failuresOf } from '../support/load-client.js'
import { Picture, scale, ticksUpTo } from '../support/svg.js'
import type { ChaosReport, Sighting } from './chaos.js'
import type { Condition } from './faults.js'

/** @returns lines of Markdown */
export function chaosTable(report: ChaosReport): string[] {
  const { seed, acks, network, seconds, rounds, tally, violations } = report
  const kinds = [...new Set(rounds.map(({ fault }) => fault))].sort()
  const rows = kinds.map(kind => {
    const those = rounds.filter(({ fault }) => fault === kind)
    const wholeMs = Math.max(...those.map(each => each.wholeMs))
    const sum = (of: (round: (typeof those)[number]) => number) =>
      those.reduce((total, round) => total + of(round), 0)
    const meanwhile = sum(round => round.meanwhile.length)
    const cells = [
      kind,
      those.length,
      meanwhile || '',
      Math.round(wholeMs),
      sum(r => r.requests),
      sum(r => r.failed),
    ]
    return `| ${cells.join(' | ')} |`
  })
  const failures = Object.entries(tally.failures).sort(([, a], [, b]) => b - a)
  return [
    `# Chaos, seed ${seed}`,
    '',
    `${Math.round(seconds)} s on ${network}, acks: ${acks}. ${rounds.length} rounds, ${deathsOf(report.sightings)} deaths of ` +
      `actors seen, ${tally.requests} requests, ${failuresOf(tally)} failed, ${tally.repeats} increments made twice by ` +
      `a repeated request.`,
    '',
    `**Violations: ${violations.length}.**${violations.map(each => `\n- ${each}`).join('')}`,
    '',
    '| fault | rounds | with a fault of a web server meanwhile | longest until whole again, ms | requests | failed |',
    '|---|---|---|---|---|---|',
    ...rows,
    '',
    '| what failed requests got | times |',
    '|---|---|',
    ...failures.map(([what, times]) => `| ${what} | ${times} |`),
  ]
}

/** @returns how many restarts of actors were seen */
export function deathsOf(sightings: readonly Sighting[]): number {
  let deaths = 0
  const last = new Map<string, number>()
  for (const { actors } of sightings) {
    for (const [name, { restarts }] of Object.entries(actors ?? {})) {
      deaths += Math.max(0, restarts - (last.get(name) ?? 0))
      last.set(name, restarts)
    }
  }
  return deaths
}

const COLOURS: Readonly<Record<Condition | 'running' | 'starting' | 'draining' | 'unknown', string>> = {
  running: '#86c995',
  starting: '#f2cf63',
  draining: '#a7c7f2',
  unknown: '#e5e5e5',
  down: '#d9534f',
  suspended: '#8e6bbf',
  'cut off': '#444',
  rough: '#e9973f',
  full: '#a0522d',
}
const LEFT = 90
const ROW = 18
const TOP = 40
const CURVES = 140
/** Width of one second, pixels, within these bounds of the whole. */
const SECOND = 14
const WIDTH_MIN = 700
const WIDTH_MAX = 4_000

/** @returns an SVG picture: a row for each actor and host, faults as marks, requests as curves below */
export function chaosTimeline({ seconds, rounds, bars, sightings, seed, violations }: ChaosReport): string {
  const actors = [...new Set(sightings.flatMap(({ actors }) => Object.keys(actors ?? {})))].sort()
  const hosts = [...new Set(bars.map(({ row }) => row))].sort()
  const rows = [...hosts, ...actors]
  const width = Math.min(Math.max(seconds * SECOND, WIDTH_MIN), WIDTH_MAX)
  const below = TOP + (rows.length + 1) * ROW
  const height = below + CURVES + 60
  const picture = new Picture(width + LEFT + 20, height)
  const endMs = Math.max(seconds * 1000, ...sightings.map(({ atMs }) => atMs))
  const x = scale(0, endMs, LEFT, LEFT + width)
  const y = (row: string) => TOP + (rows.indexOf(row) + 1) * ROW
  picture.text(4, 16, `Chaos, seed ${seed}: ${rounds.length} rounds, ${violations.length} violations`)
  drawLegend(picture)
  picture.text(4, TOP + 12, 'faults')
  for (const [index, { fault, hit, beganMs }] of rounds.entries()) {
    picture.mark(x(beganMs), TOP + 14, '#c0392b', `${index + 1}. ${fault}: ${hit}`)
    picture.line(x(beganMs), TOP + 14, x(beganMs), below + CURVES, '#f0dcdc')
  }
  for (const row of rows) picture.text(4, y(row) + 12, row)
  for (const host of hosts) picture.rectangle(LEFT, y(host) + 2, width, ROW - 4, COLOURS.running)
  for (const { row, condition, fromMs, toMs } of bars) {
    picture.rectangle(x(fromMs), y(row) + 2, x(toMs) - x(fromMs), ROW - 4, COLOURS[condition], condition)
  }
  drawActors(picture, sightings, actors, x, y)
  drawCurves(picture, sightings, x, {
    left: LEFT,
    right: LEFT + width,
    top: below + 16,
    bottom: below + CURVES,
  })
  for (const value of ticksUpTo(endMs / 1000, 12))
    picture.text(x(value * 1000), height - 24, `${value} s`, 'middle')
  picture.text(LEFT, height - 6, 'requests/s (blue), failed requests/s (red)')
  return picture.toString()
}

function drawLegend(picture: Picture): void {
  let at = LEFT
  for (const [name, colour] of Object.entries(COLOURS)) {
    picture.rectangle(at, 24, 10, 10, colour)
    picture.text(at + 14, 33, name)
    at += 78
  }
}

function drawActors(
  picture: Picture,
  sightings: readonly Sighting[],
  names: readonly string[],
  x: (ms: number) => number,
  y: (row: string) => number,
): void {
  for (const name of names) {
    let from = sightings[0]?.atMs ?? 0
    let state = stateOf(sightings[0], name)
    let restarts = 0
    const draw = (toMs: number) => {
      const colour = COLOURS[state as keyof typeof COLOURS]
      if (colour !== undefined)
        picture.rectangle(x(from), y(name) + 2, x(toMs) - x(from), ROW - 4, colour, state)
    }
    for (const sighting of sightings) {
      const now = stateOf(sighting, name)
      const seen = sighting.actors?.[name]?.restarts ?? restarts
      if (now !== state) {
        draw(sighting.atMs)
        from = sighting.atMs
        state = now
      }
      if (seen > restarts)
        picture.mark(x(sighting.atMs), y(name) + ROW - 4, '#c0392b', `${name} was replaced`)
      restarts = seen
    }
    draw(sightings.at(-1)?.atMs ?? from)
  }
}

/** @returns `absent` for one that does not exist at that moment: it has no colour */
function stateOf(sighting: Sighting | undefined, name: string): string {
  if (sighting === undefined || sighting.actors === null) return 'unknown'
  return sighting.actors[name]?.state ?? 'absent'
}

function drawCurves(
  picture: Picture,
  sightings: readonly Sighting[],
  x: (ms: number) => number,
  box: { left: number; right: number; top: number; bottom: number },
): void {
  const rates = (of: (sighting: Sighting) => number) =>
    sightings.slice(1).map((sighting, index) => {
      const before = sightings[index] ?? sighting
      const seconds = (sighting.atMs - before.atMs) / 1000
      return [sighting.atMs, seconds === 0 ? 0 : (of(sighting) - of(before)) / seconds] as const
    })
  const requests = rates(sighting => sighting.requests)
  const failed = rates(sighting => sighting.failed)
  const highest = Math.max(1, ...requests.map(([, rate]) => rate))
  const y = scale(0, highest, box.bottom, box.top)
  for (const value of ticksUpTo(highest, 4)) {
    picture.line(box.left, y(value), box.right, y(value), '#eee')
    picture.text(box.left - 6, y(value) + 4, value.toFixed(0), 'end')
  }
  picture.curve(
    requests.map(([ms, rate]) => [x(ms), y(rate)]),
    '#2563eb',
  )
  picture.curve(
    failed.map(([ms, rate]) => [x(ms), y(rate)]),
    '#c0392b',
  )
}
