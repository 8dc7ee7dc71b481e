/** What must hold of the places of actors: every one is somewhere, and can be reached from the web servers. */
import { normalize } from 'node:path'
import { isRedisUrl, redisDatabaseOf } from './redis-url.js'

/** A session server as far as these rules go. */
interface PlacedServer {
  readonly store: 'memory' | 'lmdb' | 'redis'
  readonly path?: string | undefined
  readonly redis?: string | readonly string[] | undefined
  readonly prefix?: string | undefined
  readonly on?: string | undefined
  readonly port?: number | undefined
}

/** The parts of a file that the rules about places speak of. */
export interface PlaceSections {
  readonly hosts?: Readonly<Record<string, string>> | undefined
  readonly webServers?: { readonly on?: string | undefined }
  readonly sessionServers?: readonly PlacedServer[]
  readonly cluster?: {
    readonly key?: string | readonly { readonly id: string }[] | undefined
    readonly timeout: number
  }
  readonly replication?: { readonly ackTimeout: number }
}

type Demand = (path: (string | number)[], expected: string) => void

/** Reports each rule that is broken. */
export function placesFit(file: PlaceSections, isSound: (section: string) => boolean, demand: Demand): void {
  for (const [index, server] of (file.sessionServers ?? []).entries()) {
    storeFits(server, (key, expected) => demand(['sessionServers', index, key], expected))
  }
  foldersDiffer(file, demand)
  redisKeysDiffer(file, demand)
  keysDiffer(file, demand)
  if (isSound('hosts')) everyActorHasAHost(file, demand)
  if (isSound('cluster')) othersCanBeReached(file, demand)
}

function storeFits({ store, path, redis }: PlacedServer, demand: (key: string, expected: string) => void) {
  if (store === 'lmdb' && path === undefined) demand('path', 'the path of a folder: store is "lmdb"')
  if (store !== 'lmdb' && path !== undefined) demand('path', `nothing: store is "${store}", not "lmdb"`)
  if (store === 'redis' && redis === undefined) {
    demand('redis', 'the URL of a Redis, such as "redis://10.0.0.9:6379": store is "redis"')
  }
  if (store !== 'redis' && redis !== undefined) demand('redis', `nothing: store is "${store}", not "redis"`)
}

function everyActorHasAHost({ hosts, webServers, sessionServers = [] }: PlaceSections, demand: Demand): void {
  const names = hosts === undefined ? undefined : Object.keys(hosts)
  const check = (path: (string | number)[], on: string | undefined) => {
    if (names === undefined) {
      if (on !== undefined) demand(path, 'nothing, or hosts to be set, with this name and its address')
    } else if (on === undefined || !names.includes(on)) {
      demand(path, `one of the names of hosts: ${names.join(', ')}`)
    }
  }
  if (webServers !== undefined) check(['webServers', 'on'], webServers.on)
  for (const [index, { store, on }] of sessionServers.entries()) {
    if (store !== 'redis') check(['sessionServers', index, 'on'], on)
    else if (on !== undefined) {
      demand(['sessionServers', index, 'on'], 'nothing: a Redis is reached from the host of the web servers')
    }
  }
}

/** Session servers on other hosts than the web servers, and what it takes to notice their loss in time. */
function othersCanBeReached(file: PlaceSections, demand: Demand): void {
  const { webServers, sessionServers = [], cluster, replication } = file
  const isElsewhere = ({ store, on }: PlacedServer) =>
    store !== 'redis' && on !== undefined && webServers?.on !== undefined && on !== webServers.on
  for (const [index, server] of sessionServers.entries()) {
    if (!isElsewhere(server) || server.port !== undefined) continue
    demand(['sessionServers', index, 'port'], 'a port: the web servers are on another host')
  }
  if (sessionServers.some(isElsewhere) && cluster?.key === undefined) {
    const expected = 'a key, since there are session servers on other hosts than the web servers'
    demand(['cluster', 'key'], expected)
  }
  const isOneFar = sessionServers.some(server => server.store === 'redis' || isElsewhere(server))
  if (!isOneFar || cluster === undefined || replication === undefined) return
  if (cluster.timeout > replication.ackTimeout) {
    const expected = `at most replication.ackTimeout (${replication.ackTimeout} ms), or changes fail before a loss is noticed`
    demand(['cluster', 'timeout'], expected)
  }
}

function foldersDiffer({ sessionServers = [] }: PlaceSections, demand: Demand): void {
  const seen = new Set<string>()
  for (const [index, { path, on }] of sessionServers.entries()) {
    if (path === undefined) continue
    const place = `${on ?? ''}:${normalize(`${path}/`)}`
    if (seen.has(place))
      demand(['sessionServers', index, 'path'], 'a folder that no other session server has')
    seen.add(place)
  }
}

/** Two session servers over the same keys would count as two copies and be one. */
function redisKeysDiffer({ sessionServers = [] }: PlaceSections, demand: Demand): void {
  const seen = new Set<string>()
  for (const [index, { redis, prefix }] of sessionServers.entries()) {
    const databases = [redis ?? []].flat().filter(isRedisUrl).map(redisDatabaseOf)
    // One member in common makes two clusters the same.
    const places = databases.map(database => `${database} ${prefix}`)
    if (places.some(place => seen.has(place))) {
      const expected = 'a prefix that no other session server in the same Redis has, or better another Redis'
      demand(['sessionServers', index, 'prefix'], expected)
    }
    for (const place of places) seen.add(place)
  }
}

function keysDiffer({ cluster }: PlaceSections, demand: Demand): void {
  if (cluster?.key === undefined || typeof cluster.key === 'string') return
  const seen = new Set<string>()
  for (const [index, { id }] of cluster.key.entries()) {
    if (seen.has(id)) demand(['cluster', 'key', index, 'id'], 'an id that no other key has')
    seen.add(id)
  }
}
