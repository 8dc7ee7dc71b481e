/** Every server of the bench, by name. */
import type { PeerKind } from './peer.js'
import { server } from './servers.js'
import { troupe } from './troupe.js'

/** In the order of the report. */
export const PEER_NAMES = [
  'bare',
  'express-memory',
  'express-redis',
  'fastify-redis',
  'troupe',
  'troupe-express',
  'troupe-fastify',
  'troupe-copies-1',
  'troupe-acks-none',
  'troupe-acks-all',
  'troupe-lmdb',
  'troupe-remote',
  'troupe-redis',
] as const
export type PeerName = (typeof PEER_NAMES)[number]

export const PEERS: Readonly<Record<PeerName, PeerKind>> = {
  bare: server({
    module: 'bare',
    about: 'node:http in node:cluster, no sessions: the limit',
    hasSessions: false,
  }),
  'express-memory': server({
    module: 'express-memory',
    about: 'Express, express-session, its MemoryStore, one process: lost with it',
    single: true,
  }),
  'express-redis': server({
    module: 'express-redis',
    about: 'Express, express-session, connect-redis, in node:cluster',
    needsRedis: true,
  }),
  'fastify-redis': server({
    module: 'fastify-redis',
    about: 'Fastify, @fastify/session, connect-redis, in node:cluster',
    needsRedis: true,
  }),
  troupe: troupe({ about: 'Troupe, plain listener, two copies in memory, ack from one' }),
  'troupe-express': troupe({ about: 'as troupe, with Express', app: 'express' }),
  'troupe-fastify': troupe({ about: 'as troupe, with Fastify', app: 'fastify' }),
  'troupe-copies-1': troupe({ about: 'as troupe, with one copy of each session', copies: 1 }),
  'troupe-acks-none': troupe({ about: 'as troupe, but no answer waits for a copy', acks: 'none' }),
  'troupe-acks-all': troupe({ about: 'as troupe, but answers wait for both copies', acks: 'all' }),
  'troupe-lmdb': troupe({ about: 'as troupe, with both copies on disk, flushed', store: 'lmdb' }),
  'troupe-remote': troupe({
    about: 'as troupe, with the copies in two other processes, by signed HTTP',
    store: 'remote',
  }),
  'troupe-redis': troupe({ about: 'as troupe, with one copy, in Redis', store: 'redis' }),
}
