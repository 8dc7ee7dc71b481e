/** connect-redis as its documentation shows it. */
import { RedisStore } from 'connect-redis'
import { createClient } from 'redis'
import { LIFETIME_SECONDS, settingsOf } from './settings.js'

/** @param prefix of its keys, so that two servers can share a Redis */
export async function redisStore(prefix: string): Promise<RedisStore> {
  const client = createClient({ url: settingsOf(process.env).redis })
  client.on('error', error => {
    console.error(error)
    process.exit(1)
  })
  await client.connect()
  return new RedisStore({ client, prefix, ttl: LIFETIME_SECONDS })
}
