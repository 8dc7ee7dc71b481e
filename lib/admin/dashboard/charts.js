/** The live charts: the last five minutes, a point a second. */

import { short } from './figures.js'
import uPlot from './uplot.js'

/** @import { Point } from './figures.js' */

/** Five minutes of a point a second. */
const POINTS_MAX = 300
const SECONDS = 300
const SECONDS_MIN = 60
const HEIGHT = 132

const clock = new Intl.DateTimeFormat(undefined, {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  hour12: false,
})

/** @typedef {'rate' | 'p50' | 'p99' | 'ackP50' | 'ackP99' | 'sessions'} Key */

/** @type {readonly { id: string, keys: readonly Key[], label: string }[]} */
const CHARTS = [
  { id: 'chart-rate', keys: ['rate'], label: 'Requests per second' },
  { id: 'chart-latency', keys: ['p50', 'p99'], label: 'Latency in ms, median and 99th percentile' },
  { id: 'chart-ack', keys: ['ackP50', 'ackP99'], label: 'Acknowledgement in ms, median and 99th percentile' },
  { id: 'chart-sessions', keys: ['sessions'], label: 'Sessions in memory' },
]

export class Charts {
  /** @type {Point[]} */
  #points = []
  /** @type {{ plot: any, element: HTMLElement, keys: readonly Key[], label: string }[]} */
  #charts = []

  constructor() {
    this.#make()
    document.addEventListener('theme', () => this.#make())
    new ResizeObserver(() => {
      for (const { plot, element } of this.#charts)
        plot.setSize({ width: element.clientWidth, height: HEIGHT })
    }).observe(/** @type {Element} */ (document.querySelector('.chart-grid')))
  }

  /** @param {Point} point */
  add(point) {
    this.#points.push(point)
    if (this.#points.length > POINTS_MAX) this.#points.shift()
    this.#update()
  }

  /** Colours are read when a chart is made. */
  #make() {
    for (const { plot } of this.#charts) plot.destroy()
    this.#charts = CHARTS.map(({ id, keys, label }) => {
      const element = /** @type {HTMLElement} */ (document.getElementById(id))
      return {
        plot: new uPlot(optionsOf(element, keys), [[], ...keys.map(() => [])], element),
        element,
        keys,
        label,
      }
    })
    this.#update()
  }

  #update() {
    const last = this.#points.at(-1)
    if (last === undefined) return
    for (const { plot, element, keys, label } of this.#charts) {
      plot.setData([
        this.#points.map(({ at }) => at),
        ...keys.map(key => this.#points.map(point => point[key])),
      ])
      element.setAttribute('aria-label', `${label}: now ${keys.map(key => short(last[key])).join(' and ')}`)
    }
  }
}

/** @param {HTMLElement} element @param {readonly Key[]} keys @returns {uPlot.Options} */
function optionsOf(element, keys) {
  const style = getComputedStyle(document.documentElement)
  const of = (/** @type {string} */ name) => style.getPropertyValue(name).trim()
  const axis = {
    stroke: of('--quiet'),
    font: '11px system-ui, sans-serif',
    grid: { stroke: of('--grid'), width: 1 },
    ticks: { show: false },
  }
  const lines = [of('--chart-a'), of('--chart-b')]
  return {
    width: element.clientWidth,
    height: HEIGHT,
    padding: [6, 0, 0, 0],
    cursor: { show: false },
    legend: { show: false },
    scales: {
      x: {
        // At least a minute, so that the first points do not stretch.
        range: (/** @type {any} */ _, /** @type {number} */ min, /** @type {number} */ max) => [
          Math.max(max - SECONDS, Math.min(min, max - SECONDS_MIN)),
          max,
        ],
      },
      y: {
        range: (/** @type {any} */ _, /** @type {number} */ __, /** @type {number | null} */ max) => [
          0,
          Math.max(1, (max ?? 0) * 1.15),
        ],
      },
    },
    axes: [
      {
        ...axis,
        size: 24,
        space: 70,
        values: (/** @type {any} */ _, /** @type {number[]} */ ticks) =>
          ticks.map(tick => clock.format(tick * 1000)),
      },
      {
        ...axis,
        size: 40,
        space: 30,
        values: (/** @type {any} */ _, /** @type {number[]} */ ticks) => ticks.map(short),
      },
    ],
    series: [
      {},
      ...keys.map((_, index) => ({
        stroke: lines[index] ?? of('--ink'),
        width: 1.5,
        points: { show: false },
        ...(index === 0 ? { fill: of('--chart-fill') } : {}),
      })),
    ],
  }
}
