/** The pictures of a run: throughput and latency against load. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { PEER_NAMES, type PeerName } from '../peers/peers.js'
import type { Row } from '../summary.js'
import { chart, type Panel, type Series } from './chart.js'

/** A picture that a run has made. */
export interface Plot {
  /** Name of its file. */
  readonly file: string
  /** What it shows, in a sentence. */
  readonly title: string
  readonly svg: string
}

const PERCENTILES = [
  { name: 'p50', of: (row: Row) => row.latency.p50 },
  { name: 'p99', of: (row: Row) => row.latency.p99 },
  { name: 'p99.9', of: (row: Row) => row.latency.p999 },
]

/** Those that people with any kind of colour vision can tell apart (Okabe and Ito). */
const COLORS = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9', '#f0e442']
const BARE_COLOR = '#777'

const CONNECTIONS = { label: 'connections', scale: 'log' } as const
const RATE = { label: 'requests/s asked for', scale: 'linear' } as const
const LATENCY = { label: 'ms', scale: 'log' } as const

/** @returns what can be drawn from these rows: nothing where only one load was measured */
export function plotsOf(rows: readonly Row[]): Plot[] {
  const byConnections = rows.filter(({ block }) => block === 'connections')
  const byRate = rows.filter(({ block }) => block === 'rate')
  const plots: Plot[] = []
  if (isVaried(byConnections.map(({ connections }) => connections))) {
    const series = seriesOf(
      byConnections,
      row => row.connections,
      row => row.requestsPerSecond.median,
    )
    const throughput = { label: 'requests/s', scale: 'linear' } as const
    plots.push(
      plot('throughput', 'Throughput with more and more connections, sticky', [
        { title: 'requests/s', x: CONNECTIONS, y: throughput, series },
      ]),
      plot(
        'latency-connections',
        'Latency with more and more connections that ask for all they can get, sticky',
        latencyPanels(byConnections, CONNECTIONS, row => row.connections),
      ),
    )
  }
  if (isVaried(byRate.map(({ ratePart }) => ratePart ?? 0))) {
    plots.push(
      plot(
        'latency-rate',
        'Latency at constant rates, from the moment each request was due, sticky',
        latencyPanels(byRate, RATE, row => row.rate ?? 0),
      ),
    )
  }
  return plots
}

/** @param folder is made where it is missing */
export async function writePlots(plots: readonly Plot[], folder: string): Promise<void> {
  if (plots.length === 0) return
  await mkdir(folder, { recursive: true })
  for (const { file, svg } of plots) await writeFile(join(folder, file), svg)
}

function plot(name: string, title: string, panels: readonly Panel[]): Plot {
  return { file: `bench-${name}.svg`, title, svg: chart(title, panels) }
}

function latencyPanels(rows: readonly Row[], x: Panel['x'], xOf: (row: Row) => number): Panel[] {
  return PERCENTILES.map(({ name, of }) => ({ title: name, x, y: LATENCY, series: seriesOf(rows, xOf, of) }))
}

function seriesOf(rows: readonly Row[], xOf: (row: Row) => number, yOf: (row: Row) => number): Series[] {
  const names = PEER_NAMES.filter(name => rows.some(({ peer }) => peer === name))
  return names.map(name => ({
    name,
    color: colorOf(name),
    points: rows
      .filter(({ peer }) => peer === name)
      .map(row => ({ x: xOf(row), y: yOf(row) }))
      .sort((a, b) => a.x - b.x),
  }))
}

/** The same server has the same colour in every picture. */
function colorOf(name: PeerName): string {
  if (name === 'bare') return BARE_COLOR
  if (name === 'troupe') return COLORS[0] ?? BARE_COLOR
  return COLORS[PEER_NAMES.indexOf(name) % COLORS.length] ?? BARE_COLOR
}

function isVaried(values: readonly number[]): boolean {
  return new Set(values).size > 1
}
