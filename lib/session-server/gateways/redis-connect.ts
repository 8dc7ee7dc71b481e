/**
 * Connecting with a Redis or a Redis Cluster, and the checks whether sessions would be safe there. Connections are made
 * once and never again: a lost one may mean lost data, so that its session server counts as lost, and the next one is
 * brought up to date.
 */
import { setTimeout as wait } from 'node:timers/promises'
import { createClient, createCluster } from 'redis'
import {
  ClusterClients,
  destroyCluster,
  type RedisClient,
  type RedisClients,
  SingleClient,
} from './redis-clients.js'
import { RedisEvictsError, RedisTimeoutError, RedisUnsuitableError, redisErrorOf } from './redis-errors.js'

/** The oldest Redis whose scripts report errors as this code expects; every Valkey is newer. */
const MAJOR_VERSION_MIN = 7
/** Time between two looks whether a Redis has loaded its data, ms. */
const LOADING_POLL_MS = 50

/** What to connect with. */
export interface RedisAddress {
  /** One Redis, or some members of a cluster; with credentials. */
  readonly urls: readonly string[]
  /** What the keys begin with. */
  readonly prefix: string
  /** Longest time for all of it, ms. */
  readonly timeoutMs: number
}

/** @returns addresses for messages: without user and password */
export function placesOf(urls: readonly string[]): string {
  return urls.map(url => (URL.canParse(url) ? new URL(url).host : 'an address that is no URL')).join(', ')
}

/**
 * Connects, waits until data is loaded, and checks what it is connected with.
 * @param lost called with why when a connection is lost later; maybe several times
 * @throws (as a rejection) one of redis-errors.ts
 */
export async function connectRedis(
  address: RedisAddress,
  lost: (why: unknown) => void,
): Promise<RedisClients> {
  const attempt = new Attempt(address, lost)
  const where = placesOf(address.urls)
  const late = new AbortController()
  const timeout = wait(address.timeoutMs, undefined, { signal: late.signal }).then(() => {
    throw new RedisTimeoutError(where, address.timeoutMs)
  })
  try {
    return await Promise.race([attempt.connect(), timeout])
  } catch (error) {
    attempt.abandon()
    throw redisErrorOf(where, error)
  } finally {
    late.abort()
  }
}

/** One attempt to connect, and what it has opened so far. */
class Attempt {
  readonly #address: RedisAddress
  readonly #lost: (why: unknown) => void
  readonly #opened: (() => void)[] = []

  constructor(address: RedisAddress, lost: (why: unknown) => void) {
    this.#address = address
    this.#lost = lost
  }

  async connect(): Promise<RedisClients> {
    const { urls, prefix } = this.#address
    const { client, url } = await this.#connectFirst()
    const info = await loadedInfoOf(client)
    checkInfo(placesOf([url]), info)
    if (info.get('redis_mode') === 'cluster') return await this.#connectCluster(client, url)
    if (urls.length > 1) {
      throw new RedisUnsuitableError(
        placesOf(urls),
        'several addresses were given, but they are no cluster',
        'Give one address, or set cluster-enabled there.',
      )
    }
    const clients = new SingleClient(client, prefix)
    await clients.probe()
    return clients
  }

  /** Closes whatever has been opened. */
  abandon(): void {
    for (const close of this.#opened) close()
  }

  /** @returns a connection with the first that answers: others may be down */
  async #connectFirst(): Promise<{ readonly client: RedisClient; readonly url: string }> {
    const { urls, timeoutMs } = this.#address
    const shareMs = timeoutMs / urls.length
    let failure: unknown = new TypeError('no address was given')
    for (const url of urls) {
      const client = this.#makeClient(url)
      let isLate = false
      const share = setTimeout(() => {
        isLate = true
        if (client.isOpen) client.destroy()
      }, shareMs)
      try {
        await client.connect()
        return { client, url }
      } catch (error) {
        failure = isLate ? new RedisTimeoutError(placesOf([url]), shareMs) : error
      } finally {
        clearTimeout(share)
      }
    }
    throw failure
  }

  #makeClient(url: string): RedisClient {
    const socket = { connectTimeout: this.#address.timeoutMs, reconnectStrategy: false } as const
    const client: RedisClient = createClient({ url, disableOfflineQueue: true, socket })
    let isReady = false
    client.on('ready', () => {
      isReady = true
    })
    // While it connects the same error rejects `connect`; once it is closed on purpose nobody needs to know.
    client.on('error', error => {
      if (isReady && client.isOpen) this.#lost(error)
    })
    this.#opened.push(() => {
      if (client.isOpen) client.destroy()
    })
    return client
  }

  async #connectCluster(first: RedisClient, url: string): Promise<RedisClients> {
    const { timeoutMs, urls } = this.#address
    const { username, password, socket = {} } = first.options
    const defaults = {
      ...(username === undefined ? {} : { username }),
      ...(password === undefined ? {} : { password }),
      disableOfflineQueue: true,
      socket: {
        connectTimeout: timeoutMs,
        reconnectStrategy: false,
        ...('tls' in socket && socket.tls === true ? { tls: true } : {}),
      },
    } as const
    const cluster = createCluster({ rootNodes: [{ url }], defaults })
    this.#opened.push(() => destroyCluster(cluster))
    let why: unknown = null
    cluster.on('error', error => {
      why = error
    })
    cluster.on('node-error', error => this.#lost(error))
    try {
      await cluster.connect()
    } catch (error) {
      throw why ?? error
    }
    first.destroy()
    return new ClusterClients(cluster, placesOf(urls))
  }
}

type Info = ReadonlyMap<string, string>

/** Waits until it has loaded its data: before that it knows nothing. */
async function loadedInfoOf(client: RedisClient): Promise<Info> {
  while (true) {
    const info = parseInfo(String(await client.sendCommand(['INFO'])))
    if (info.get('loading') !== '1' && info.get('async_loading') !== '1') return info
    await wait(LOADING_POLL_MS)
  }
}

function parseInfo(text: string): Info {
  const info = new Map<string, string>()
  for (const line of text.split('\r\n')) {
    const colon = line.indexOf(':')
    if (colon > 0) info.set(line.slice(0, colon), line.slice(colon + 1))
  }
  return info
}

/** @throws RedisUnsuitableError, RedisEvictsError */
function checkInfo(where: string, info: Info): void {
  const version = info.get('redis_version') ?? 'unknown'
  if (Number.parseInt(version, 10) < MAJOR_VERSION_MIN) {
    const remedy = `Redis ${MAJOR_VERSION_MIN} or any version of Valkey is needed.`
    throw new RedisUnsuitableError(where, `it is version ${version}`, remedy)
  }
  if (info.get('redis_mode') === 'sentinel') {
    const remedy =
      'Give the address of the Redis that it watches, or one that always leads to the one in charge.'
    throw new RedisUnsuitableError(where, 'it is a Sentinel', remedy)
  }
  const policy = info.get('maxmemory_policy') ?? 'noeviction'
  const isBounded = (info.get('maxmemory') ?? '0') !== '0'
  if (isBounded && policy !== 'noeviction') throw new RedisEvictsError(where, policy)
}
