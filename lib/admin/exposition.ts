/** Figures that were counted elsewhere, in the form of prom-client, which writes them out. */
import { Counter, Gauge, type Metric, Registry } from 'prom-client'
import { DURATION_BOUNDS_MS, type DurationCounts } from '../transport/histogram.js'

/** Labels of one series. */
export type Labels = Readonly<Record<string, string>>

/** One value with what it belongs to. */
export interface Series<Value> {
  readonly labels?: Labels
  readonly value: Value
}

/** The figures of one moment, to be written once. */
export class Exposition {
  readonly #registry = new Registry()

  get contentType(): string {
    return this.#registry.contentType
  }

  /** @returns the text exposition format */
  text(): Promise<string> {
    return this.#registry.metrics()
  }

  counter(name: string, help: string, series: readonly Series<number>[]): void {
    const counter = new Counter({ name, help, labelNames: labelNamesOf(series), registers: [this.#registry] })
    for (const { labels = {}, value } of series) counter.inc(labels, value)
  }

  gauge(name: string, help: string, series: readonly Series<number>[]): void {
    const gauge = new Gauge({ name, help, labelNames: labelNamesOf(series), registers: [this.#registry] })
    for (const { labels = {}, value } of series) gauge.set(labels, value)
  }

  /** Durations in seconds. */
  histogram(name: string, help: string, series: readonly Series<DurationCounts>[]): void {
    const values = series.flatMap(({ labels = {}, value }) => bucketsOf(name, labels, value))
    // prom-client's own histograms only observe; a registry asks no more of a metric than this.
    const metric = {
      name,
      help,
      type: 'histogram',
      get: async () => ({ name, help, type: 'histogram', values }),
    }
    this.#registry.registerMetric(metric as unknown as Metric)
  }
}

function bucketsOf(name: string, labels: Labels, { counts, sumMs }: DurationCounts) {
  let total = 0
  const buckets = counts.map((count, index) => {
    total += count
    const bound = DURATION_BOUNDS_MS[index]
    const le = bound === undefined ? '+Inf' : String(bound / 1000)
    return { metricName: `${name}_bucket`, labels: { ...labels, le }, value: total }
  })
  return [
    ...buckets,
    { metricName: `${name}_sum`, labels, value: sumMs / 1000 },
    { metricName: `${name}_count`, labels, value: total },
  ]
}

function labelNamesOf(series: readonly Series<unknown>[]): string[] {
  return [...new Set(series.flatMap(({ labels = {} }) => Object.keys(labels)))]
}
