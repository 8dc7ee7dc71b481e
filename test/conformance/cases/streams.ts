/** Streams through the framework: events to browsers, long polls, streamed answers. */
import { newKey } from '../client.js'
import { type Case, casesOf } from './case.js'

export const streamCases: readonly Case[] = [
  ...casesOf('events_stream', {
    'three events': [/text\/event-stream.*tick\\":3/, target => target.ask('/events')],
    'a client that leaves is noticed': [
      /the client has left/,
      async target => {
        const key = newKey()
        const client = target.connect(`GET /events?key=${key} HTTP/1.1\r\nHost: a\r\n\r\n`)
        await client.until('"tick":4')
        client.close()
        return target.journal(key, 'the client has left')
      },
    ],
  }),
  ...casesOf('polling', {
    'an answer that waits for another request': [
      /news/,
      async target => {
        const key = newKey()
        const answer = target.ask(`/poll?key=${key}`)
        let delivered = await target.ask(`/poll?key=${key}`, { method: 'POST' })
        while (!delivered.body.includes('true'))
          delivered = await target.ask(`/poll?key=${key}`, { method: 'POST' })
        return [delivered, await answer]
      },
    ],
  }),
  ...casesOf('stream', {
    'a stream as an answer': [/"status":200/, target => target.ask('/stream')],
    'HEAD of a stream': [/"status":200/, target => target.ask('/stream', { method: 'HEAD' })],
    'a body read in pieces': [
      /\\"bytes\\":500000/,
      target => target.ask('/stream/hash', { method: 'POST', body: Buffer.alloc(500_000, 'pieces') }),
      'hono',
    ],
  }),
]
