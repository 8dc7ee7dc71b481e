/**
 * What runs inside Redis, each script as a whole or not at all as far as others can see: the rules of
 * `replication/replica.ts`. Numbers are texts of 16 digits (see `redis-layout.ts`), so `<` compares them.
 */
import { createHash } from 'node:crypto'
import { HEADER_LENGTH } from './redis-layout.js'

/** A script, and the name by which Redis knows it once it was sent. */
export interface RedisScript {
  readonly text: string
  readonly sha1: string
}

/**
 * How long Redis keeps a copy past its expiry, ms: the session server's own sweep, which keeps the indexes and counters
 * right, comes first; this is for copies that nobody sweeps any more.
 */
const KEPT_PAST_EXPIRY_MS = 300_000

/** KEYS fence; ARGV epoch. Raises the fence of a partition. */
export const RAISE_FENCE = script(`
  if ARGV[1] > (redis.call('GET', KEYS[1]) or '') then redis.call('SET', KEYS[1], ARGV[1]) end
`)

/**
 * KEYS fence, live, tombstones, bytes, and the copy's for each mutation; ARGV for each mutation: id, authority,
 * ms until it expires, copy. Applies mutations of one partition in order.
 * Answers with the fence if any of them was refused, otherwise with nothing.
 *
 * The index comes before the copy: whatever ends a script in the middle (out of memory), no copy lacks its entry.
 */
export const APPLY = script(`
  local fence = redis.call('GET', KEYS[1]) or ''
  local refused = false
  local longest = 0
  for index = 5, #KEYS do
    local key = KEYS[index]
    local first = (index - 5) * 4
    local id, authority, left, copy = ARGV[first + 1], ARGV[first + 2], tonumber(ARGV[first + 3]), ARGV[first + 4]
    if authority < fence then
      refused = true
    else
      if authority > fence then
        redis.call('SET', KEYS[1], authority)
        fence = authority
      end
      if string.sub(copy, 1, 32) > redis.call('GETRANGE', key, 0, 31) then
        local expires = tonumber(string.sub(copy, 33, 48))
        local isLive = string.sub(copy, 49, 49) == '+'
        redis.call('ZADD', isLive and KEYS[2] or KEYS[3], expires, id)
        redis.call('ZREM', isLive and KEYS[3] or KEYS[2], id)
        local before = math.max(redis.call('STRLEN', key) - ${HEADER_LENGTH}, 0)
        redis.call('INCRBY', KEYS[4], #copy - ${HEADER_LENGTH} - before)
        local kept = math.max(left, 0) + ${KEPT_PAST_EXPIRY_MS}
        redis.call('SET', key, copy, 'PX', string.format('%.0f', kept))
        longest = math.max(longest, kept)
      end
    end
  end
  for index = 2, 4 do
    local left = redis.call('PTTL', KEYS[index])
    if left ~= -2 and left < longest then redis.call('PEXPIRE', KEYS[index], string.format('%.0f', longest)) end
  end
  return refused and fence or false
`)

/** KEYS copies. Answers with the beginning of each, empty for those that are not there. */
export const STAMPS = script(`
  local stamps = {}
  for index, key in ipairs(KEYS) do stamps[index] = redis.call('GETRANGE', key, 0, 31) end
  return stamps
`)

/**
 * KEYS fence, live, tombstones, bytes, and the copies; ARGV epoch or nothing, time, and the ids. Removes those copies
 * that have expired by then, unless the fence is above the epoch; raises the fence to it.
 * Answers with 1, or with 0 when the epoch is over.
 */
export const REMOVE = script(`
  local fence = redis.call('GET', KEYS[1]) or ''
  if ARGV[1] ~= '' then
    if ARGV[1] < fence then return 0 end
    if ARGV[1] > fence then redis.call('SET', KEYS[1], ARGV[1]) end
  end
  for index = 5, #KEYS do
    local key, id = KEYS[index], ARGV[index - 2]
    if redis.call('GETRANGE', key, 32, 47) <= ARGV[2] then
      local bytes = redis.call('STRLEN', key) - ${HEADER_LENGTH}
      if bytes > 0 then redis.call('DECRBY', KEYS[4], bytes) end
      redis.call('ZREM', KEYS[2], id)
      redis.call('ZREM', KEYS[3], id)
      redis.call('UNLINK', key)
    end
  end
  if redis.call('EXISTS', KEYS[2], KEYS[3]) == 0 then redis.call('DEL', KEYS[4]) end
  return 1
`)

/** KEYS live, tombstones, bytes. Answers with the three counts. */
export const COUNT = script(`
  return {
    redis.call('ZCARD', KEYS[1]),
    redis.call('ZCARD', KEYS[2]),
    tonumber(redis.call('GET', KEYS[3]) or '0'),
  }
`)

function script(text: string): RedisScript {
  return { text, sha1: createHash('sha1').update(text).digest('hex') }
}
