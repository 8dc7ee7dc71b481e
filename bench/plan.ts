/** What is measured beside what: blocks of cells, of which each is measured once in every round of its block. */
import { LOAD_NAMES, type LoadName } from './loads.js'
import { PEER_NAMES, type PeerName } from './peers/peers.js'

/** One line of the report: one server under one load. */
export interface Cell {
  /** Under which title it is reported, and beside what it is compared. */
  readonly block: BlockName
  readonly peer: PeerName
  readonly load: LoadName
  readonly webServers: number
  readonly connections: number
  /** Part of the most that the bare server does which is asked for, at a constant rate; null: as much as it can. */
  readonly ratePart: number | null
}

/** Every block there is: one for each load, and three that vary something. */
export const BLOCK_NAMES = [...LOAD_NAMES, 'web-servers', 'connections', 'rate'] as const
export type BlockName = (typeof BLOCK_NAMES)[number]

/** Cells whose servers run at the same time and are measured in turn. */
export interface Block {
  readonly name: BlockName
  readonly cells: readonly Cell[]
}

/** What to plan for. */
export interface PlanOptions {
  readonly peers: readonly PeerName[]
  readonly blocks: readonly BlockName[]
  readonly connections: number
  readonly webServers: number
}

/** Servers that are measured under every load; the others, variants of Troupe, under sticky only. */
const MAIN_PEERS: readonly PeerName[] = [
  'bare',
  'express-memory',
  'express-redis',
  'fastify-redis',
  'troupe',
  'troupe-express',
  'troupe-fastify',
]
/** Servers of which it is shown how they scale. */
const SCALED_PEERS: readonly PeerName[] = ['bare', 'troupe']
/** Servers of the plots. */
const PLOTTED_PEERS: readonly PeerName[] = ['bare', 'express-redis', 'fastify-redis', 'troupe']
/** Servers of the target table: under sticky, and under the other loads it names. */
const TARGET_PEERS: readonly PeerName[] = [
  'bare',
  'express-redis',
  'fastify-redis',
  'troupe',
  'troupe-express',
  'troupe-lmdb',
]
const TARGET_PAIR: readonly PeerName[] = ['bare', 'troupe']
const WEB_SERVERS = [1, 2, 4]
const CONNECTIONS = [1, 4, 16, 64, 256]
/** Parts of the bare server's peak. */
const RATE_PARTS = [0.1, 0.2, 0.4, 0.6, 0.8]
/** The part that the target table names. */
export const TARGET_RATE_PART = 0.6
/** A server that is slower than what is asked of it only queues: highest part at which it is asked. */
const RATE_PART_MAX: Partial<Readonly<Record<PeerName, number>>> = {
  'express-redis': 0,
  'fastify-redis': 0.2,
}

/** All that there is. */
export function fullPlan({ peers, blocks, connections, webServers }: PlanOptions): Block[] {
  const cell = (peer: PeerName, load: LoadName): Cell => ({
    ...{ block: load, peer, load, webServers, connections, ratePart: null },
  })
  const cellsOf: Readonly<Record<'web-servers' | 'connections' | 'rate', () => Cell[]>> = {
    'web-servers': () =>
      WEB_SERVERS.flatMap(count =>
        SCALED_PEERS.map(peer => ({
          ...cell(peer, 'sticky'),
          block: 'web-servers' as const,
          webServers: count,
        })),
      ),
    connections: () =>
      CONNECTIONS.flatMap(count =>
        PLOTTED_PEERS.map(peer => ({
          ...cell(peer, 'sticky'),
          block: 'connections' as const,
          connections: count,
        })),
      ),
    rate: () =>
      RATE_PARTS.flatMap(ratePart =>
        PLOTTED_PEERS.filter(peer => ratePart <= (RATE_PART_MAX[peer] ?? 1)).map(peer => ({
          ...cell(peer, 'sticky'),
          ...{ block: 'rate' as const, ratePart },
        })),
      ),
  }
  const planned = BLOCK_NAMES.filter(name => blocks.includes(name)).map(name => {
    const cells =
      name === 'web-servers' || name === 'connections' || name === 'rate'
        ? cellsOf[name]()
        : (name === 'sticky' ? PEER_NAMES : MAIN_PEERS).map(peer => cell(peer, name))
    return { name, cells }
  })
  return measurable(planned, peers)
}

/** Only what the target table asks for. */
export function targetPlan({ peers, connections, webServers }: PlanOptions): Block[] {
  const cell = (load: LoadName, ratePart: number | null = null) => {
    const block = ratePart === null ? load : 'rate'
    return (peer: PeerName): Cell => ({ block, peer, load, webServers, connections, ratePart })
  }
  const planned: Block[] = [
    { name: 'sticky', cells: TARGET_PEERS.map(cell('sticky')) },
    { name: 'pooled', cells: TARGET_PAIR.map(cell('pooled')) },
    { name: 'read', cells: TARGET_PAIR.map(cell('read')) },
    { name: 'rate', cells: TARGET_PAIR.map(cell('sticky', TARGET_RATE_PART)) },
  ]
  return measurable(planned, peers)
}

/**
 * Every server once, and on Troupe every load: whether it all still works. All of it at once, so that no server has to be
 * started twice.
 */
export function smokePlan({ peers, connections, webServers }: PlanOptions): Block[] {
  const all = fullPlan({ peers, blocks: BLOCK_NAMES, connections, webServers })
  const cells = all.flatMap(({ name, cells }) =>
    name === 'sticky' ? cells : oneOf(cells.filter(({ peer }) => peer === 'troupe')),
  )
  return [{ name: 'sticky', cells }]
}

/** @returns of cells that vary something the second one: the first is that of another block, or next to nothing */
function oneOf(cells: readonly Cell[]): Cell[] {
  return cells.slice(0, 2).slice(-1)
}

/**
 * @returns the blocks with these servers only; without the block `rate` where `bare` is not measured under sticky, since
 * its rates are parts of what that does
 */
function measurable(blocks: readonly Block[], peers: readonly PeerName[]): Block[] {
  const hasPeak = peers.includes('bare') && blocks.some(({ name }) => name === 'sticky')
  return blocks
    .map(({ name, cells }) => ({ name, cells: cells.filter(({ peer }) => peers.includes(peer)) }))
    .filter(({ name, cells }) => cells.length > 0 && (name !== 'rate' || hasPeak))
}

/** @returns a text that no other cell has */
export function cellKey({ block, peer, load, webServers, connections, ratePart }: Cell): string {
  return [block, peer, load, webServers, connections, ratePart].join(' ')
}

/** @returns the cell that shows what the limit is, with all else the same */
export function bareOf(cell: Cell): Cell {
  return { ...cell, peer: 'bare' }
}
