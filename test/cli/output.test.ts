/** Commands whose reader leaves, whose user does, and that nobody answers. */
import { once } from 'node:events'
import { createServer as createHttpServer } from 'node:http'
import { createServer } from 'node:net'
import t from 'tap'
import { freePort } from '../support/free-port.js'
import { Command, troupe } from './run.js'

t.test('with --json a watched status is JSON while no cluster answers, too', async t => {
  const cwd = t.testdir({})
  const nobody = `http://127.0.0.1:${await freePort()}`
  const watching = new Command(['status', '--watch', '0.1', '--json', '--admin', nobody], { cwd })
  await watching.printed(/\n.*\n/)
  watching.process.kill('SIGINT')
  const { code, stdout, stderr } = await watching.finished
  t.same({ code, stderr }, { code: 0, stderr: '' })
  for (const line of stdout.trim().split('\n')) {
    t.match(JSON.parse(line), { error: { code: 'CLUSTER_UNREACHABLE', message: /ECONNREFUSED/ } })
  }
})

t.test('Ctrl-C ends the watching of a cluster that does not answer', async t => {
  const silent = createServer().listen(0, '127.0.0.1')
  t.teardown(() => silent.close())
  await once(silent, 'listening')
  const address = silent.address()
  const port = typeof address === 'object' ? address?.port : undefined
  const watching = new Command(['status', '--watch', '--admin', `http://127.0.0.1:${port}`], {
    cwd: t.testdir({}),
  })
  const [socket] = await once(silent, 'connection')
  watching.process.kill('SIGINT')
  t.match(await watching.finished, { code: 0, stdout: '', stderr: '' })
  socket.destroy()
})

t.test('a command whose reader has left ends without a word', async t => {
  const nobody = `http://127.0.0.1:${await freePort()}`
  const watching = new Command(['status', '--watch', '0.1', '--admin', nobody], { cwd: t.testdir({}) })
  watching.process.stdout?.destroy()
  t.match(await watching.finished, { code: 141, stdout: '', stderr: '' })
})

t.test('an empty TROUPE_ADMIN_TOKEN is none', async t => {
  const asked: (string | undefined)[] = []
  const server = createHttpServer(({ headers }, response) => {
    asked.push(headers.authorization)
    response.writeHead(200, { 'content-type': 'application/json' }).end('{}')
  }).listen(0, '127.0.0.1')
  t.teardown(() => server.close())
  await once(server, 'listening')
  const address = server.address()
  const port = typeof address === 'object' ? address?.port : undefined
  const { code } = await troupe(['status', '--json', '--admin', `http://127.0.0.1:${port}`], {
    cwd: t.testdir({}),
    env: { TROUPE_ADMIN_TOKEN: '' },
  })
  t.equal(code, 0)
  t.same(asked, [undefined])
})
