/** Runs a plan: in every round each cell of a block once, another one first, so that a disturbance hits all of them. */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { TestRedis } from '../test/support/redis.js'
import { type Measured, MeasuredPeer } from './measure.js'
import type { Redis } from './peers/peer.js'
import { PEERS } from './peers/peers.js'
import type { Block, Cell } from './plan.js'
import { Scope } from './support/scope.js'
import { spreadOf } from './support/spread.js'

/** How long, and where. */
export interface RunOptions {
  readonly rounds: number
  /** Time counted of each measurement, s. */
  readonly seconds: number
  /** Time under load before the first and before each later measurement of a cell, s. */
  readonly firstWarmUpSeconds: number
  readonly warmUpSeconds: number
  /** An existing folder for temporary files, and for what servers keep on disk. */
  readonly folder: string
}

/** One measurement of one round. */
export interface Sample extends Cell, Measured {
  /** From 1. */
  readonly round: number
  /** Requests a second that were asked for; null: as many as it can. */
  readonly rate: number | null
}

/**
 * @param signal ends it at once
 * @param onSample called after each measurement
 * @throws the signal's reason, or whatever went wrong with a server
 */
export async function runPlan(
  plan: readonly Block[],
  options: RunOptions,
  signal: AbortSignal,
  onSample: (sample: Sample) => void,
): Promise<Sample[]> {
  const samples: Sample[] = []
  for (const block of plan) {
    const scope = new Scope()
    try {
      await runBlock(block, options, scope, signal, samples, onSample)
    } finally {
      await scope.end()
    }
  }
  return samples
}

async function runBlock(
  { name, cells }: Block,
  options: RunOptions,
  scope: Scope,
  signal: AbortSignal,
  samples: Sample[],
  onSample: (sample: Sample) => void,
): Promise<void> {
  const folder = join(options.folder, name)
  await mkdir(folder)
  const peers = await startPeers(cells, folder, scope, signal)
  for (let round = 1; round <= options.rounds; round++) {
    for (const cell of rotated(cells, round - 1)) {
      signal.throwIfAborted()
      const peer = peers.get(peerKey(cell))
      if (peer === undefined) throw new Error(`${cell.peer} was not started`)
      const rate = cell.ratePart === null ? null : cell.ratePart * peakOf(samples)
      const measured = await peer.measure({
        ...{ load: cell.load, connections: cell.connections, rate, folder, signal },
        seconds: options.seconds,
        warmUpSeconds: round === 1 ? options.firstWarmUpSeconds : options.warmUpSeconds,
      })
      const sample: Sample = { round, rate, ...cell, ...measured }
      samples.push(sample)
      onSample(sample)
    }
  }
}

/** Starts each server that some cell needs, once. */
async function startPeers(
  cells: readonly Cell[],
  folder: string,
  scope: Scope,
  signal: AbortSignal,
): Promise<Map<string, MeasuredPeer>> {
  let started: Promise<Redis> | null = null
  const redis = () => {
    started ??= startRedis(scope)
    return started
  }
  const peers = new Map<string, MeasuredPeer>()
  for (const cell of cells) {
    const key = peerKey(cell)
    if (peers.has(key)) continue
    signal.throwIfAborted()
    const own = join(folder, key)
    await mkdir(own)
    const kind = PEERS[cell.peer]
    const peer = await kind.start({ webServers: cell.webServers, folder: own, redis, scope, signal })
    peers.set(key, new MeasuredPeer(peer, kind.hasSessions))
  }
  return peers
}

async function startRedis(scope: Scope): Promise<Redis> {
  const redis = await TestRedis.start(scope)
  const pid = /process_id:(\d+)/.exec(String(await redis.command('INFO', 'server')))?.[1]
  return { url: redis.url, pid: Number(pid) }
}

/**
 * @returns the most requests a second that the bare server has done, as the median of its rounds
 * @throws RangeError when it was not measured before
 */
function peakOf(samples: readonly Sample[]): number {
  const bare = samples.filter(({ peer, block }) => peer === 'bare' && block === 'sticky')
  return spreadOf(bare.map(({ requestsPerSecond }) => requestsPerSecond)).median
}

function peerKey({ peer, webServers }: Cell): string {
  return `${peer}-${webServers}`
}

/** Each round another one begins. */
function rotated<T>(items: readonly T[], by: number): T[] {
  const from = by % Math.max(1, items.length)
  return [...items.slice(from), ...items.slice(0, from)]
}
