/** Threads say what they are, so that their CPU time can be told apart: see ../cpu.ts. */
import { appendFileSync, readlinkSync } from 'node:fs'
import { basename } from 'node:path'

/** The environment variable that names the file in which threads are listed. */
export const THREADS_FILE = 'BENCH_THREADS'

/** What a thread is: of a process, one made by it, or one that has loaded the app. The last one said counts. */
export type ThreadKind = 'main' | 'worker' | 'app'

/** Adds the thread that calls it to the list, as `pid tid kind`. Linux only. */
export function reportThread(kind: ThreadKind): void {
  const file = process.env[THREADS_FILE]
  if (file === undefined) return
  appendFileSync(file, `${process.pid} ${basename(readlinkSync('/proc/thread-self'))} ${kind}\n`)
}
