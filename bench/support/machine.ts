/** What figures depend on beside the code: printed with each of them, since without it they say nothing. */
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { statfs } from 'node:fs/promises'
import { availableParallelism, cpus, loadavg, release, totalmem, type } from 'node:os'
import { promisify } from 'node:util'

const GIB = 1024 ** 3

/** Magic numbers of statfs(2) for those file systems that a bench is likely to meet. */
const FILE_SYSTEMS: ReadonlyMap<number, string> = new Map([
  [0x01021994, 'tmpfs'],
  [0xef53, 'ext4'],
  [0x58465342, 'xfs'],
  [0x9123683e, 'btrfs'],
  [0x2fc12fc1, 'zfs'],
  [0x794c7630, 'overlayfs'],
  [0x6969, 'nfs'],
])

/** The machine as a bench found it. */
export interface Machine {
  readonly cores: number
  readonly model: string
  readonly memoryGib: number
  readonly system: string
  readonly node: string
  /** Load average of the last minute, five and fifteen: what others were doing before the bench began. */
  readonly load: readonly number[]
}

export function describeMachine(): Machine {
  return {
    cores: availableParallelism(),
    model: cpus()[0]?.model ?? 'unknown',
    memoryGib: Math.round((totalmem() / GIB) * 10) / 10,
    system: `${type()} ${release()}`,
    node: process.version,
    load: loadavg(),
  }
}

/** @returns the version of an installed package, as its manifest says */
export function versionOf(name: string): string {
  const file = new URL(`../../../node_modules/${name}/package.json`, import.meta.url)
  const manifest: { version: string } = JSON.parse(readFileSync(file, 'utf8'))
  return manifest.version
}

/** @returns what redis-server calls itself, or null when there is none */
export async function redisServerVersion(): Promise<string | null> {
  try {
    const { stdout } = await promisify(execFile)('redis-server', ['--version'])
    return /v=(\S+)/.exec(stdout)?.[1] ?? stdout.trim()
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null
    throw error
  }
}

/** @returns the kind of file system that a folder is on: whether a flush costs anything there */
export async function fileSystemOf(folder: string): Promise<string> {
  const { type: magic } = await statfs(folder)
  return FILE_SYSTEMS.get(magic) ?? `file system 0x${magic.toString(16)}`
}
