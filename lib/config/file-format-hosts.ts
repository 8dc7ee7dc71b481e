/** The parts of the configuration file that say what is where: `hosts`, `sessionServers[]` and `cluster`. */
import { z } from 'zod'
import { isRedisUrl } from './redis-url.js'
import { duration, oneOf, port, section, text } from './values.js'

/** As DNS bounds a label. */
const HOST_NAME = /^[a-z][a-z0-9-]{0,62}$/
const HOSTS_MAX = 64
/** The new one, the old one, and room for a roll-out that was never finished. */
const KEYS_MAX = 8
/** Redis Cluster itself is bounded to 1000 nodes; a client needs a few of them to find the others. */
const REDIS_URLS_MAX = 32

/** HMAC-SHA256 gains nothing from more than this and loses from less. */
const KEY_CHARACTERS_MIN = 32
const KEY = `a text of at least ${KEY_CHARACTERS_MIN} characters, or a list of { "id", "secret" }; for example "\${TROUPE_CLUSTER_KEY}" with the variable set to the output of \`openssl rand -base64 32\``

/** A host of `hosts`, by name. */
export function hostName(what: string) {
  return text(what, HOST_NAME)
}

const HOSTS = 'an object of host names (lower-case letters, digits and dashes, a letter first) and addresses'

/** `hosts` */
export const hostsSection = z
  .record(
    z.string().regex(HOST_NAME, HOSTS),
    text('an IP address or a host name, without port', /^[0-9A-Za-z.:-]+$/),
    HOSTS,
  )
  .refine(hosts => Object.keys(hosts).length > 0, 'at least one host')
  .refine(hosts => Object.keys(hosts).length <= HOSTS_MAX, `at most ${HOSTS_MAX} hosts`)

const REDIS =
  'a URL such as "redis://10.0.0.9:6379" (with what is special in a password %-escaped), or a list of those of the nodes of a cluster'
const redisUrl = text(REDIS, /^rediss?:\/\/[^\s/]+/).refine(isRedisUrl, REDIS)

/** `sessionServers[]` */
export const sessionServer = section(
  {
    name: text(
      'a name of its own: 1 to 31 lower-case letters, digits and dashes, a letter first, and neither "director" nor "web-" and a number',
      /^(?!director$|web-\d+$)[a-z][a-z0-9-]{0,30}$/,
    ).describe('Name of the session server, unique.'),
    /** Needs no folder: right for a first try and for tests. */
    store: oneOf(['memory', 'lmdb', 'redis']).default('memory').describe('Where it keeps its copies.'),
    path: text('the path of a folder, relative to this file')
      .optional()
      .describe('The folder of an lmdb store, made when it is missing.'),
    redis: z
      .union([redisUrl, z.array(redisUrl).min(1, REDIS).max(REDIS_URLS_MAX, REDIS)], REDIS)
      .optional()
      .describe('Where the Redis or Valkey of a redis store is.'),
    /** Two deployments can share a Redis if each has its own. */
    prefix: text('1 to 64 letters, digits, dashes, dots, colons and underscores', /^[\w.:-]{1,64}$/)
      .default('troupe')
      .describe('What the keys of a redis store begin with.'),
    on: hostName('the name of a host of "hosts"')
      .optional()
      .describe('The host that runs it; needed with hosts, except for redis.'),
    port: port(1)
      .optional()
      .describe('Where its host serves it to the web servers; needed unless it is on their host.'),
  },
  'name, store and what the store needs',
)

const clusterKey = section(
  {
    /** As the protocol between hosts has it in the head of a request. */
    id: text('1 to 64 letters, digits, dashes, dots and underscores', /^[\w.-]{1,64}$/),
    secret: z.string(KEY).min(KEY_CHARACTERS_MIN, KEY),
  },
  'id and secret',
)

const tls = section(
  {
    ca: text('the path of a PEM file').describe(
      'Certificates of the authority that signed those of all hosts.',
    ),
    cert: text('the path of a PEM file').describe("This host's certificate."),
    key: text('the path of a PEM file').describe('The key of that certificate.'),
  },
  'ca, cert and key',
)

/** `cluster` */
export const clusterSection = section(
  {
    key: z
      .union(
        [z.string(KEY).min(KEY_CHARACTERS_MIN, KEY), z.array(clusterKey).min(1, KEY).max(KEYS_MAX, KEY)],
        KEY,
      )
      .optional()
      .describe('What hosts authenticate each other with; of several the first signs and all verify.'),
    tls: tls.optional().describe('Certificates of both ends; without it hosts speak plain HTTP.'),
    /** Ten times the pause of a busy network or a garbage collection, and well below replication.ackTimeout. */
    timeout: duration(100)
      .prefault('2s')
      .describe('A session server on another host that does not answer for so long counts as lost.'),
  },
  'key, tls and timeout',
)
