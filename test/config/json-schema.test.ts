import { readFile } from 'node:fs/promises'
import t from 'tap'
import { configJsonSchema } from '../../lib/config/json-schema.js'
import { loadConfig } from '../../lib/config/load.js'

/** Compiled tests lie one folder deeper than their sources. */
const ROOT = new URL('../../../', import.meta.url)

interface SchemaNode {
  readonly properties?: Record<string, SchemaNode>
  readonly items?: SchemaNode
  readonly default?: unknown
  readonly description?: string
}

/** Every key that holds a value of its own, such as `listen.port` or `sessionServers[].name`. */
function leaves(node: SchemaNode, path = ''): [path: string, node: SchemaNode][] {
  // Its listeners have the keys of the first.
  if (path === 'listen.also') return [[path, node]]
  const properties = Object.entries(node.properties ?? {})
  if (properties.length > 0) {
    return properties.flatMap(([key, child]) => leaves(child, path === '' ? key : `${path}.${key}`))
  }
  return node.items?.properties === undefined ? [[path, node]] : leaves(node.items, `${path}[]`)
}

t.test('config/schema.json is what `npm run schema` would write', async t => {
  const committed = JSON.parse(await readFile(new URL('config/schema.json', ROOT), 'utf8'))
  t.same(committed, JSON.parse(JSON.stringify(configJsonSchema())))
})

t.test('every key has a description for editors', async t => {
  for (const [path, { description }] of leaves(configJsonSchema())) t.ok(description, path)
})

t.test('docs/configuration.md tells every key and its default', async t => {
  const page = await readFile(new URL('docs/configuration.md', ROOT), 'utf8')
  const rows = new Map(
    [...page.matchAll(/^\| `([^`]+)` \| ([^|]+) \|/gm)].map(
      ([, key, value]) => [key, value?.trim()] as const,
    ),
  )
  const keys = leaves(configJsonSchema())
  for (const [path, node] of keys) {
    const told = rows.get(path)
    if (told === undefined) t.fail(`${path} is missing`)
    else if (node.default !== undefined) t.equal(told, `\`${JSON.stringify(node.default)}\``, path)
  }
  t.same([...rows.keys()].sort(), keys.map(([path]) => path).sort(), 'no key is told that does not exist')
})

t.test('the configuration that `npm start` uses is valid', async t => {
  const { config } = await loadConfig({ file: new URL('config/single-machine.json', ROOT).pathname })
  t.match(config, {
    app: { file: new URL('examples/shop/app.js', ROOT).pathname },
    listen: { listeners: [{ at: { kind: 'tcp', host: '127.0.0.1', port: 8080 } }], servedBy: true },
    sessionServers: [{ name: 'a' }, { name: 'b' }],
    replication: { copies: 2, acks: 'one' },
    admin: { host: '127.0.0.1', port: 9090 },
  })
})
