/** The `session` section of the configuration file. */
import { z } from 'zod'
import { duration, flag, oneOf, section, size, text } from './values.js'

const KIB = 1024
const MIB = 1024 * KIB
/** Browsers keep no cookie for longer than 400 days (RFC 6265bis). */
const COOKIE_MS_MAX = 400 * 24 * 60 * 60 * 1000

/** Shorter ones can be guessed from one signed cookie. */
const SECRET_CHARACTERS_MIN = 16
const SECRET = `a text of at least ${SECRET_CHARACTERS_MIN} characters, or a list of such texts; for example "\${TROUPE_SECRET}" with the variable set to the output of \`openssl rand -base64 32\``

const secret = z.string(SECRET).min(SECRET_CHARACTERS_MIN, SECRET)

const cookie = section(
  {
    /** The whole site. */
    path: text('a path that begins with "/", without ";" or spaces', /^\/[!-:<-~]*$/)
      .default('/')
      .describe('Cookie attribute Path.'),
    /** Only the host that set it. */
    domain: z
      .union(
        [text('a domain name, or null', /^\.?[a-z0-9-]+(\.[a-z0-9-]+)*$/i), z.null()],
        'a domain name, or null',
      )
      .default(null)
      .describe('Cookie attribute Domain; null for this host only.'),
    /** Scripts have no use for it, thieves do. */
    httpOnly: flag().default(true).describe('Hide the cookie from scripts.'),
    /** Right for development over http and for production over https alike. */
    secure: z
      .union([flag(), z.literal('auto')], 'true, false or "auto"')
      .default('auto')
      .describe('Send the cookie over https only; "auto" when the request came by https.'),
    /** Links from elsewhere arrive logged in, forms posted from elsewhere do not. */
    sameSite: z
      .union([oneOf(['lax', 'strict', 'none']), z.null()], '"lax", "strict", "none" or null')
      .default('lax')
      .describe('Cookie attribute SameSite; null leaves it out.'),
    /** Only embedded sites need it. */
    partitioned: flag().default(false).describe('Cookie attribute Partitioned.'),
    /** Until the browser is closed. */
    maxAge: z
      .union([duration(1000, COOKIE_MS_MAX), z.null()], 'a duration from 1s to 400d, or null')
      .default(null)
      .describe('Lifetime of the cookie and its session; null for a cookie until the browser closes.'),
  },
  'cookie attributes',
).superRefine((value, context) => {
  const demand = (key: keyof typeof value, message: string) =>
    context.addIssue({ code: 'custom', path: [key], message })
  const because =
    value.sameSite === 'none' ? 'sameSite is "none"' : value.partitioned ? 'partitioned is true' : undefined
  if (because !== undefined && value.secure !== true) {
    demand('secure', `true since ${because}: browsers drop such cookies otherwise`)
  }
})

/** Each is one more record to be copied at a login. */
const INDEXES_MAX = 8
const INDEX_NAME = 'the name of an index: a letter, and up to 31 letters, digits, "_" or "-"'
const INDEX_PATH = 'the path of a member of the session, such as "userId" or "account.tenant"'
const INDEXES = `an object with up to ${INDEXES_MAX} indexes: the name of each, and ${INDEX_PATH}`

/** `session` */
export const sessionSection = section(
  {
    secret: z
      .union([secret, z.array(secret).min(1, SECRET)], SECRET)
      .optional()
      .describe('Signs session cookies; of several the first signs and all verify.'),
    secretFile: text('the path of a file, relative to this one')
      .optional()
      .describe('Where a random secret is kept, when there is no session.secret: made at the first start.'),
    /** Says whose it is, and meets no other session cookie of the same host. */
    name: text("a cookie name: letters, digits and !#$%&'*+-.^_`|~", /^[\w!#$%&'*+\-.^`|~]+$/)
      .default('troupe.sid')
      .describe('Name of the cookie.'),
    /** As long as people leave a form open; long enough for a phone call. */
    ttl: duration(1000, COOKIE_MS_MAX).prefault('30m').describe('Lifetime of a session without use.'),
    /** Far more than a session should be; each change copies the whole of it. */
    maxBytes: size(256, 16 * MIB)
      .prefault(65_536)
      .describe('Largest session, as JSON.'),
    /** A cookie with every response makes every response uncacheable. */
    rolling: flag().default(false).describe('Renew the cookie with every response.'),
    /** As express-session's default: an app that is moved here behaves as before. */
    unset: oneOf(['keep', 'destroy'])
      .default('keep')
      .describe('What req.session = null does: drop what the request changed, or end the session.'),
    indexes: z
      .record(text(INDEX_NAME, /^[A-Za-z][\w-]{0,31}$/), text(INDEX_PATH, /^[^.\0]+(\.[^.\0]+)*$/), INDEXES)
      .refine(value => Object.keys(value).length <= INDEXES_MAX, INDEXES)
      .default({})
      .describe('What sessions can be found by: name of each index, and path of the member that it is of.'),
    cookie: cookie.prefault({}).describe('Cookie attributes.'),
  },
  'secret, secretFile, name, ttl, maxBytes, rolling, unset, indexes and cookie',
).superRefine((value, context) => {
  const { cookie, name } = value
  const prefix = /^__(Host|Secure)-/i.exec(name)?.[1]?.toLowerCase()
  if (prefix === undefined) return
  const right =
    cookie.secure === true && (prefix !== 'host' || (cookie.path === '/' && cookie.domain === null))
  if (right) return
  const needs =
    prefix === 'host' ? 'cookie.secure true, cookie.path "/" and no cookie.domain' : 'cookie.secure true'
  context.addIssue({ code: 'custom', path: ['name'], message: `another prefix, or ${needs}` })
})
