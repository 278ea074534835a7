// Drives a running stack with the packages of the Cortex surface's vendor, unchanged: `node vendor.js stack.json`.
const assert = require('node:assert/strict'),
      fs = require('node:fs'),
      { PassThrough } = require('node:stream'),
      test = require('node:test'),
      { Client } = require('@medable/mdctl-api'),
      { Driver, Org } = require('@medable/mdctl-api-driver'),
      Provider = require('@medable/mdctl-core/credentials/memory_provider'),
      stack = JSON.parse(fs.readFileSync(process.argv[2], 'utf8'))

const client = new Client({
        environment: { endpoint: stack.url, env: stack.org },
        provider: new Provider(),
        credentials: { type: 'signature', ...stack.signature }
      }),
      { objects } = new Org(new Driver(client)),
      faultOf = async(promise) => {
        const fault = await promise.then(value => assert.fail(`no fault but ${JSON.stringify(value)}`), error => error)
        return `${fault.code} ${fault.errCode}`
      },
      sleep = ms => new Promise(resolve => setTimeout(resolve, ms))

test('an export is made, read, changed, awaited and downloaded', async() => {
  const made = await client.post('/exports', {
    label: 'client', objects: 'airports', format: 'application/x-ndjson',
    paths: ['_id', 'icao', 'country.name'], where: '{"tz":"Europe/Copenhagen"}'
  })
  assert.equal(made.object, 'export')
  assert.equal(made.state, 'pending')
  assert.equal((await client.put(`/exports/${made._id}`, { label: 'renamed' })).label, 'renamed')
  assert.equal((await client.patch(`/exports/${made._id}`, [{ op: 'set', path: 'description', value: 'x' }])).description, 'x')
  assert.equal(await faultOf(client.put(`/exports/${made._id}`, { format: 'text/csv' })),
    'kUnsupportedOperation cortex.unsupportedOperation.unspecified')
  let read
  for (let turn = 0; turn < 300 && (!read || ['pending', 'running'].includes(read.state)); turn += 1) {
    await sleep(200)
    read = await client.get(`/exports/${made._id}`)
  }
  assert.equal(read.state, 'ready')
  assert.ok(read.stats.docs.count > 10)
  assert.equal(read.dataFile.mime, 'application/zip')
  const facet = await client.get(`/exports/${made._id}/dataFile`)
  assert.equal(facet.object, 'facet')
  assert.equal(facet.state, 2)
  // The client asks for JSON unless told otherwise, so it is given a link.
  const { url } = await client.get(read.dataFile.path),
        archive = Buffer.from(await (await fetch(url)).arrayBuffer())
  assert.equal(archive.length, read.dataFile.size)
  assert.equal(archive.subarray(0, 2).toString(), 'PK')
  assert.deepEqual((await client.get(`/exports/${made._id}/paths`)).data, ['_id', 'icao', 'country.name'])
  assert.equal(await client.get(`/exports/${made._id}/stats.docs.count`), read.stats.docs.count)
  const list = await client.get('/exports', {
    query: { where: { label: 'renamed' }, paths: ['label', 'creator.name'], sort: { _id: -1 }, limit: 1 }
  })
  assert.deepEqual(list.data.map(one => one.creator.name), [(await client.get('/accounts/me')).name])
  assert.equal(await client.delete(`/exports/${made._id}`), true)
  assert.equal(await faultOf(client.get(`/exports/${made._id}`)), 'kNotFound cortex.notFound.unspecified')
})

test('faults are the client\'s own', async() => {
  assert.equal(await faultOf(client.post('/exports', { objects: 'airports', format: 'x' })),
    'kValidationError cortex.invalidArgument.validation')
  assert.equal(await faultOf(client.get('/c_nothing')), 'kInvalidObject cortex.invalidArgument.object')
  assert.equal(await faultOf(client.get('/exports', { query: { limit: 1001 } })),
    'kInvalidArgument cortex.invalidArgument.unspecified')
  const stranger = new Client({
    environment: { endpoint: stack.url, env: stack.org }, provider: new Provider(),
    credentials: { type: 'signature', apiKey: stack.signature.apiKey, apiSecret: 'x'.repeat(64) }
  })
  assert.equal(await faultOf(stranger.get('/exports')), 'kInvalidRequestSignature cortex.invalidArgument.invalidRequestSignature')
})

test('records and accounts are read with every argument', async() => {
  const [airport] = (await client.get('/airports', { query: { where: { icao: 'EKCH' }, expand: ['country'] } })).data
  assert.equal(airport.object, 'airport')
  assert.equal(airport.country.name, 'Denmark')
  const page = await client.get('/airports', { query: { limit: 2, paths: ['icao'] } }),
        next = await client.get('/airports', {
          query: { limit: 2, paths: ['icao'], where: { _id: { $gt: page.data[1]._id } }, sort: { _id: 1 } }
        })
  assert.ok(page.hasMore && next.data[0]._id > page.data[1]._id)
  assert.equal((await client.get('/accounts/me')).object, 'account')
  const text = await client.get('/airports', {
          query: { limit: 3 }, stream: new PassThrough(), requestOptions: { headers: { accept: 'application/x-ndjson' } }
        })
  let lines = ''
  for await (const chunk of text) lines += chunk
  assert.equal(lines.trim().split('\n').length, 3)
})

test('the driver reads through cursors, counts and makes exports', async() => {
  const two = { icao: { $in: ['EKCH', 'EDDF'] } },
        found = await objects.airports.find(two).paths('icao').sort({ icao: 1 }).limit(5).toArray()
  assert.deepEqual(found.map(one => one.icao), ['EDDF', 'EKCH'])
  assert.equal(await objects.airports.count(two), 2)
  assert.equal((await objects.airport.find().paths('icao').limit(2).toList()).hasMore, true)
  assert.equal((await objects.airport.readOne({ icao: 'EKCH' }).execute()).iata, 'CPH')
  assert.equal(await objects.airport.readOne({ icao: 'EKCH' }).path('country.name').execute(), 'Denmark')
  assert.equal(await faultOf(objects.airport.readOne({ icao: 'none' }).execute()), 'kNotFound cortex.notFound.unspecified')
  assert.equal(await objects.airport.readOne({ icao: 'none' }).throwNotFound(false).execute(), null)
  const zones = await objects.airports.aggregate()
    .match({ icao: { $exists: true } }).group({ _id: '$tz', many: { $count: {} } })
    .sort({ many: -1 }).limit(3).toArray()
  assert.ok(zones.length === 3 && zones[0].many >= zones[1].many)
  const id = await objects.exports.insertOne({ objects: 'countries', label: 'driver' }).execute()
  assert.equal(await objects.exports.updateOne({ _id: id }, { $set: { label: 'driven' } }).execute(), true)
  assert.equal((await objects.exports.readOne({ label: 'driven' }).execute())._id, id)
  assert.equal(await objects.exports.deleteOne({ _id: id }).execute(), true)
  assert.equal(await faultOf(objects.exports.deleteMany({ _id: id }).execute()),
    'kUnsupportedOperation cortex.unsupportedOperation.unspecified')
})
