/**
 * Reads Prometheus' text exposition format and finds what `promtool check metrics` would object to: a second reader,
 * written from the format's description, so that the page is not judged by the library that wrote it.
 */

/** One sample. */
export interface Sample {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

/** One metric with all its samples. */
export interface Family {
  readonly name: string
  readonly help: string
  readonly type: string
  readonly samples: readonly Sample[]
}

/** What a page says, and what is wrong with it. */
export interface Page {
  readonly families: readonly Family[]
  readonly problems: readonly string[]
}

const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/
const SAMPLE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (-?(?:\d+(?:\.\d+)?(?:e[+-]?\d+)?|\+?Inf|NaN))$/
const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(,|$)/gy
const UNITS_NOT_BASE =
  /_(ms|milliseconds|microseconds|minutes|hours|kb|kib|mb|mib|kilobytes|megabytes|percent)(_|$)/
const SUFFIXES: Readonly<Record<string, readonly string[]>> = { histogram: ['_bucket', '_sum', '_count'] }

/** Reads a page; never throws, since whatever is wrong is a problem. */
export function readExposition(text: string): Page {
  const problems: string[] = []
  const families: { name: string; help: string; type: string; samples: Sample[] }[] = []
  const names = new Set<string>()
  const series = new Set<string>()
  if (!text.endsWith('\n')) problems.push('the last line does not end')
  let help: { name: string; text: string } | null = null
  let family: (typeof families)[number] | null = null
  for (const [index, line] of text.split('\n').entries()) {
    const at = `line ${index + 1}`
    if (line === '') continue
    const [, keyword, name = '', rest = ''] = /^# (HELP|TYPE) (\S+) (.+)$/.exec(line) ?? []
    if (keyword === 'HELP') {
      if (names.has(name)) problems.push(`${at}: a second HELP of ${name}`)
      help = { name, text: rest }
      names.add(name)
    } else if (keyword === 'TYPE') {
      if (help?.name !== name) problems.push(`${at}: TYPE of ${name} without its HELP before it`)
      if (!['counter', 'gauge', 'histogram'].includes(rest)) problems.push(`${at}: type ${rest}`)
      family = { name, help: help?.text ?? '', type: rest, samples: [] }
      families.push(family)
      help = null
    } else {
      const sample = readSample(line)
      if (sample === null) problems.push(`${at} is no sample: ${line}`)
      else if (family === null || !belongs(sample.name, family))
        problems.push(`${at}: not of the metric above: ${line}`)
      else {
        const key = `${sample.name} ${JSON.stringify(Object.entries(sample.labels).sort())}`
        if (series.has(key)) problems.push(`${at}: twice: ${key}`)
        series.add(key)
        family.samples.push(sample)
      }
    }
  }
  for (const each of families) problems.push(...problemsOfNames(each), ...problemsOfValues(each))
  return { families, problems }
}

function readSample(line: string): Sample | null {
  const [, name, body = '', value] = SAMPLE.exec(line) ?? []
  if (name === undefined || value === undefined) return null
  const labels: Record<string, string> = {}
  let end = 0
  for (const label of body.matchAll(LABEL)) {
    const [all, key = '', text = ''] = label
    if (Object.hasOwn(labels, key)) return null
    labels[key] = text
    end = label.index + all.length
  }
  if (end !== body.length) return null
  return { name, labels, value: value.endsWith('Inf') ? Number.POSITIVE_INFINITY : Number(value) }
}

function belongs(name: string, { name: family, type }: Family): boolean {
  return (SUFFIXES[type] ?? ['']).some(suffix => name === family + suffix)
}

function problemsOfNames({ name, help, type, samples }: Family): string[] {
  const problems: string[] = []
  const complain = (what: string) => problems.push(`${name} ${what}`)
  if (!NAME.test(name) || /[A-Z]/.test(name)) complain('is no name by the conventions')
  if (help.length < 10) complain('has no help')
  if (type === 'counter' && !name.endsWith('_total')) complain('is a counter and does not end in _total')
  if (type !== 'counter' && name.endsWith('_total')) complain('is no counter and ends in _total')
  if (/_(count|sum|bucket|info)$/.test(name)) complain('ends like a part of a histogram')
  if (/(counter|gauge|histogram|summary)/.test(name)) complain('has its type in its name')
  if (UNITS_NOT_BASE.test(name)) complain('is not in base units')
  for (const { labels } of samples) {
    for (const label of Object.keys(labels)) {
      if (label === 'le' ? type !== 'histogram' : /^__|[A-Z]/.test(label)) complain(`has the label ${label}`)
    }
  }
  return problems
}

function problemsOfValues({ name, type, samples }: Family): string[] {
  const wrong = samples.filter(({ value }) => Number.isNaN(value) || (type !== 'gauge' && value < 0))
  const problems = wrong.map(sample => `${name} has the value ${sample.value}`)
  if (type !== 'histogram') return problems
  const groups = new Map<string, Sample[]>()
  for (const sample of samples) {
    const { le: _, ...labels } = sample.labels
    const key = JSON.stringify(labels)
    groups.set(key, [...(groups.get(key) ?? []), sample])
  }
  for (const [labels, group] of groups) {
    const buckets = group.filter(sample => sample.name.endsWith('_bucket'))
    const bounds = buckets.map(({ labels: { le } }) =>
      le === '+Inf' ? Number.POSITIVE_INFINITY : Number(le),
    )
    const count = group.find(sample => sample.name.endsWith('_count'))?.value
    if (bounds.at(-1) !== Number.POSITIVE_INFINITY) problems.push(`${name}${labels} has no +Inf`)
    if (!isRising(bounds, true)) problems.push(`${name}${labels} has bounds that do not rise`)
    const values = buckets.map(({ value }) => value)
    if (!isRising(values, false)) problems.push(`${name}${labels} is not cumulative`)
    if (values.at(-1) !== count) problems.push(`${name}${labels} counts ${count}, its +Inf ${values.at(-1)}`)
    if (group.filter(sample => sample.name.endsWith('_sum')).length !== 1)
      problems.push(`${name}${labels} has no sum`)
  }
  return problems
}

function isRising(numbers: readonly number[], strictly: boolean): boolean {
  return numbers.every((number, index) => {
    const before = numbers[index - 1] ?? Number.NEGATIVE_INFINITY
    return strictly ? number > before : number >= before
  })
}
