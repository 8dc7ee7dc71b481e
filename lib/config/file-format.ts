/**
 * The configuration file as users write it: every key with its default, the reason for that default, and its
 * description for editors. docs/configuration.md says the same at length. What the rest of Troupe sees of it is
 * schema.ts.
 */
import { z } from 'zod'
import { clusterSection, hostName, hostsSection, sessionServer } from './file-format-hosts.js'
import { listenSection } from './file-format-listen.js'
import { sessionSection } from './file-format-session.js'
import { followsRules, whenObject } from './rules.js'
import { WEB_SERVERS_MAX } from './schema.js'
import {
  duration,
  flag,
  oneOf,
  port,
  section,
  size,
  TIMER_MS_MAX,
  text,
  wholeNumber,
  wholeNumberOr,
} from './values.js'

const KIB = 1024
const MIB = 1024 * KIB
const GIB = 1024 * MIB

/** Bounds every table of peers; far above what a deployment has machines for. */
const SESSION_SERVERS_MAX = 30

const webServers = section(
  {
    /** One core is left to the director; two are the least that can take over from each other. */
    threads: wholeNumberOr(1, WEB_SERVERS_MAX, 'auto')
      .default('auto')
      .describe(
        'Web servers, each on a thread; "auto" is cores - 1, at least 2. With autoscale, at the start.',
      ),
    /** A fixed number is what most expect; and threads that come and go cost memory that others may want. */
    autoscale: section(
      {
        min: wholeNumber(1, WEB_SERVERS_MAX).describe('Fewest web servers.'),
        max: wholeNumber(1, WEB_SERVERS_MAX).describe('Most web servers.'),
      },
      'min and max',
    )
      .optional()
      .describe('Lets the number of web servers follow the load; without it it stays.'),
    /** Only the app's author knows what it needs. */
    heapMb: z
      .union(
        [wholeNumber(16, 65_536, 'a whole number of MiB', ', or null'), z.null()],
        'a whole number of MiB from 16 to 65536, or null',
      )
      .default(null)
      .describe("Heap limit of one web server in MiB; null for Node's own."),
    /** No request should block an event loop for so long, and a user waits for about as long. */
    hangTimeout: duration(100)
      .prefault('5s')
      .describe('A web server whose event loop stands still for so long is replaced.'),
    on: hostName('the name of one host of "hosts"; web servers on several hosts come later')
      .optional()
      .describe('The host that runs them, and the director; needed with hosts.'),
  },
  'threads, autoscale, heapMb, hangTimeout and on',
)

const replication = section(
  {
    /** Two survive the loss of any one actor. With one session server, one. */
    copies: wholeNumberOr(1, SESSION_SERVERS_MAX, 'all')
      .optional()
      .describe('Session servers that hold each session; without it 2, or 1 if there is only one.'),
    /** One copy besides the owner's: after that the loss of any one actor loses nothing. */
    acks: oneOf(['none', 'one', 'all'])
      .default('one')
      .describe('How many of the copies must exist before a response goes out.'),
    /** A thousand times what an ack takes; longer than a replacement of a session server needs. */
    ackTimeout: duration(1)
      .prefault('5s')
      .describe('Longest wait for the copies of a change; then the client gets an error.'),
    /** A burst of thousands of ordinary sessions; above, requests wait. */
    outboxMaxBytes: size(64 * KIB, 4 * GIB)
      .prefault('32mb')
      .describe('Changes queued towards one session server before requests have to wait.'),
  },
  'copies, acks, ackTimeout and outboxMaxBytes',
)

const cache = section(
  {
    /** Some hundred thousand sessions of 1 KiB in each web server. */
    maxBytes: size(64 * KIB, 64 * GIB)
      .prefault('256mb')
      .describe('Sessions that one web server keeps in memory; others are fetched again when needed.'),
  },
  'maxBytes',
)

const ADMIN_TOKEN_CHARS_MIN = 32
const ADMIN_TOKEN_CHARS_MAX = 512
/** The characters of a bearer token (RFC 6750, 2.1). */
const ADMIN_TOKEN = new RegExp(`^[A-Za-z0-9._~+/=-]{${ADMIN_TOKEN_CHARS_MIN},${ADMIN_TOKEN_CHARS_MAX}}$`)

const admin = section(
  {
    /** Loopback, so that without a token only this machine can ask. */
    host: text('a host name or IP address')
      .default('127.0.0.1')
      .describe('Address of the admin listener; beyond loopback only with a token.'),
    port: port(0).describe('Port of the admin listener; 0 picks a free one.'),
    /** As many characters as make guessing hopeless; of those that a header can carry. */
    token: text(
      `a text of ${ADMIN_TOKEN_CHARS_MIN} to ${ADMIN_TOKEN_CHARS_MAX} letters, digits and -._~+/=`,
      ADMIN_TOKEN,
    )
      .optional()
      .describe(
        'What every request must bring as Authorization: Bearer; without it only loopback is served.',
      ),
  },
  'host, port and token',
)

const log = section(
  {
    level: oneOf(['fatal', 'error', 'warn', 'info', 'debug', 'silent'])
      .default('info')
      .describe('Least important messages to log.'),
    /** People read terminals, programs read files. */
    pretty: z
      .union([flag(), z.literal('auto')], 'true, false or "auto"')
      .default('auto')
      .describe('Lines for people rather than JSON; "auto" when standard output is a terminal.'),
    /** A proxy in front mostly has such a log already. */
    requests: flag().default(false).describe('A line for each request, without cookies and bodies.'),
    /** What people type into forms is in queries. */
    queries: flag().default(false).describe('Whether those lines have the query of the address.'),
  },
  'level, pretty, requests and queries',
)

/** The whole file. */
export const configFile = section(
  {
    $schema: z.string('the address of a JSON schema').optional().describe('For editors; not read.'),
    app: text('the path of your app, relative to this file, or given to `troupe start` as APP').describe(
      "The app's module, relative to this file.",
    ),
    listen: listenSection.prefault({}).describe('Where browsers connect.'),
    hosts: hostsSection
      .optional()
      .describe('Name and address of every host; left out, everything runs on one machine.'),
    webServers: webServers.prefault({}).describe('The threads that run the app.'),
    /** Two, since one can be lost. */
    sessionServers: z
      .array(sessionServer, 'a list of session servers, such as [{ "name": "a" }, { "name": "b" }]')
      .min(1, 'at least one session server')
      .max(SESSION_SERVERS_MAX, `at most ${SESSION_SERVERS_MAX} session servers`)
      .prefault([{ name: 'a' }, { name: 'b' }])
      .describe('The actors that hold copies of sessions.'),
    cluster: clusterSection.prefault({}).describe('How hosts reach and trust each other.'),
    replication: replication.prefault({}).describe('How sessions are copied.'),
    session: sessionSection.prefault({}).describe('Cookies and lifetime of sessions.'),
    cache: cache.prefault({}).describe("The web servers' session caches."),
    admin: admin.optional().describe('The admin listener; without it there is none.'),
    /** A host takes about that long to boot its services after a power cut. */
    startTimeout: duration(0)
      .prefault('30s')
      .describe(
        'Longest wait for all session servers once the first is there; then it starts without the others.',
      ),
    /** What service managers wait for between SIGTERM and SIGKILL: 30 s in Kubernetes. */
    drainTimeout: duration(0, TIMER_MS_MAX)
      .prefault('30s')
      .describe('Longest time that a stop waits for requests in flight.'),
    log: log.prefault({}).describe('What is logged.'),
  },
  'at least "app"',
).superRefine(followsRules, whenObject)

/** The file as it is after validation: defaults filled in, durations in ms, sizes in bytes. */
export type ConfigFile = z.output<typeof configFile>
