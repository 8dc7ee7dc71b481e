/** Processes of a test that run on one of its hosts. */
import { type ChildProcess, fork } from 'node:child_process'

/** @param command what a command line begins with that is to run there, see network.ts; empty for this machine */
export function forkOn(command: readonly string[], file: string): ChildProcess {
  const [program = process.execPath, ...rest] = [...command, process.execPath]
  return fork(file, { execPath: program, execArgv: [...rest, '--enable-source-maps'] })
}
