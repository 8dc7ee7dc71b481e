/**
 * CPU time of threads, by their own clocks in /proc: what each part of a server costs for a request, whoever else uses the
 * machine. Linux only.
 */
import { readdir, readFile } from 'node:fs/promises'
import type { ThreadKind } from './apps/threads.js'

/** Parts of a server. `other` is what serves them: V8's and libuv's threads, and the primary of node:cluster. */
export const PARTS = ['director', 'web servers', 'session servers', 'redis', 'other'] as const
export type Part = (typeof PARTS)[number]

/** CPU time of each part, ns, or whatever was made of it. */
export type CpuTimes = Readonly<Record<Part, number>>

/** A process of a server under test. */
export interface MeasuredProcess {
  readonly pid: number
  /** What its main thread is. */
  readonly main: Part
  /** What all others are that nobody has reported. */
  readonly rest: Part
}

/** Ticks of the machine's own account of CPU time (USER_HZ): fixed in Linux. */
const TICKS_PER_SECOND = 100

/** One line of a list of threads: see apps/threads.ts. */
interface ReportedThread {
  readonly pid: number
  readonly tid: number
  readonly kind: ThreadKind
}

/**
 * @param listed the list of threads, and of processes that those in `processes` have started
 * @returns CPU time so far of each part, ns
 */
export async function cpuTimes(processes: readonly MeasuredProcess[], listed: string): Promise<CpuTimes> {
  const threads = parse(listed)
  const reported = new Map(threads.map(thread => [`${thread.pid} ${thread.tid}`, thread.kind]))
  const started = new Set(threads.map(({ pid }) => pid))
  const all = new Map<number, MeasuredProcess>()
  for (const pid of started) all.set(pid, { pid, main: 'other', rest: 'other' })
  for (const process of processes) all.set(process.pid, process)
  const times: Record<Part, number> = { ...NO_TIME }
  for (const process of all.values()) {
    for (const tid of await readdir(`/proc/${process.pid}/task`)) {
      const part = partOf(process, Number(tid), reported.get(`${process.pid} ${tid}`))
      times[part] += await threadTime(process.pid, tid)
    }
  }
  return times
}

/** Of nothing. */
export const NO_TIME: CpuTimes = {
  director: 0,
  'web servers': 0,
  'session servers': 0,
  redis: 0,
  other: 0,
}

/** @returns what was used from one reading to the next, divided */
export function perRequest(from: CpuTimes, to: CpuTimes, requests: number): CpuTimes {
  const times: Record<Part, number> = { ...NO_TIME }
  for (const part of PARTS) times[part] = (to[part] - from[part]) / requests
  return times
}

/** @returns CPU time that the whole machine has used so far, ns: in steps of 10 ms */
export async function machineTime(): Promise<number> {
  const [line = ''] = (await readFile('/proc/stat', 'utf8')).split('\n')
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0] = line.split(/\s+/).slice(1).map(Number)
  return ((user + nice + system + irq + softirq) / TICKS_PER_SECOND) * 1e9
}

function partOf({ pid, main, rest }: MeasuredProcess, tid: number, kind: ThreadKind | undefined): Part {
  if (kind === 'app') return 'web servers'
  if (tid === pid) return main
  return kind === 'worker' ? 'session servers' : rest
}

/** @returns ns on a core; 0 for a thread that has just ended */
async function threadTime(pid: number, tid: string): Promise<number> {
  const text = await readFile(`/proc/${pid}/task/${tid}/schedstat`, 'utf8').catch(() => '0')
  return Number(text.split(' ')[0])
}

function parse(listed: string): ReportedThread[] {
  return listed
    .split('\n')
    .filter(line => line !== '')
    .map(line => {
      const [pid = '', tid = '', kind = ''] = line.split(' ')
      return { pid: Number(pid), tid: Number(tid), kind: kind as ThreadKind }
    })
}
