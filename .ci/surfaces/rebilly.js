// Drives a running stack with the JavaScript SDK of the Rebilly surface's vendor, unchanged: `node rebilly.js stack.json`.
const assert = require('node:assert/strict'),
      fs = require('node:fs'),
      test = require('node:test'),
      { default: RebillyAPI, RebillyExperimentalAPI, RebillyErrors } = require('rebilly-js-sdk'),
      stack = JSON.parse(fs.readFileSync(process.argv[2], 'utf8'))

const options = { apiKey: stack.adminKey, organizationId: stack.org, urls: { live: stack.url, sandbox: stack.url } },
      made = (factory, more = {}) => {
        const api = factory({ ...options, ...more })
        api.setEndpoints({ live: stack.url, sandbox: stack.url })
        return api
      },
      api = made(RebillyAPI),
      experimental = made(RebillyExperimentalAPI),
      sleep = ms => new Promise(resolve => setTimeout(resolve, ms)),
      errorOf = promise => promise.then(value => assert.fail(`no error but ${JSON.stringify(value)}`), error => error)

async function completed(id) {
  for (let turn = 0; turn < 300; turn += 1) {
    const { fields } = await experimental.dataExports.get({ id, expand: 'file,user' })
    if (['completed', 'failed'].includes(fields.status)) return fields
    await sleep(200)
  }
  return assert.fail('it does not end')
}

const wanted = {
  name: 'Danish airports',
  resource: 'airports',
  format: 'csv',
  fields: ['id', 'icao', 'name'],
  arguments: { filter: 'tz:Europe/Copenhagen', sort: 'icao' }
}

test('an export is queued, awaited, listed, downloaded and deleted', async() => {
  const queued = await experimental.dataExports.queue({ data: wanted })
  assert.equal(queued.response.status, 201)
  assert.match(queued.response.headers.location, new RegExp(`/data-exports/${queued.fields.id}$`))
  assert.ok(Number(queued.response.headers['x-ratelimit-limit']) > Number(queued.response.headers['x-ratelimit-remaining']))
  assert.match(queued.fields.id, /^exp_[0-9A-HJKMNP-TV-Z]{26}$/)
  const done = await completed(queued.fields.id)
  assert.equal(done.status, 'completed')
  assert.ok(done.recordCount > 10)
  assert.deepEqual(done._links.map(link => link.rel), ['self', 'user', 'download', 'signedLink'])
  assert.equal(done._embedded.user.id, done.userId)
  assert.equal(done._embedded.file.id, done.fileId)
  const file = await api.files.download({ id: done.fileId }),
        lines = Buffer.from(file.data).toString().split('\r\n')
  assert.equal(lines.length, done.recordCount + 2)
  assert.equal((await api.files.get({ id: done.fileId })).fields.size, Buffer.from(file.data).length)
  const list = await experimental.dataExports.getAll({ limit: 1, offset: 0, sort: ['-createdTime'], filter: 'status:completed', q: 'danish' })
  assert.deepEqual([list.total, list.limit, list.offset], [1, 1, 0])
  assert.equal(list.items[0].fields.id, done.id)
  assert.deepEqual((await experimental.dataExports.getAll({ offset: 1000 })).items, [])
  await experimental.dataExports.delete({ id: done.id })
  assert.equal((await errorOf(experimental.dataExports.get({ id: done.id }))).status, 404)
})

test('a whole organization is exported', async() => {
  const made = await api.organizationExports.create({ data: { includeFiles: true } })
  assert.equal(made.response.status, 201)
  assert.match(made.response.headers.location, new RegExp(`/organization-exports/${made.fields.id}$`))
  let { fields } = made
  for (let turn = 0; turn < 300 && !['completed', 'failed'].includes(fields.status); turn += 1) {
    await sleep(200)
    fields = (await api.organizationExports.get({ id: made.fields.id })).fields
  }
  assert.equal(fields.status, 'completed')
  assert.ok(fields.resources.find(({ type }) => type === 'airports').recordCount > 10)
  assert.deepEqual(fields._links.map(link => link.rel), ['self', 'user', 'signedLink'])
  const list = await api.organizationExports.getAll({ limit: 1, filter: 'status:completed', sort: ['-createdTime'] })
  assert.equal(list.items[0].fields.id, fields.id)
  const file = await api.files.download({ id: fields.fileId })
  assert.equal(Buffer.from(file.data).subarray(0, 2).toString(), 'PK')
})

test('a pending one is read, changed and sent back', async() => {
  const id = 'year-end.2030',
        scheduledTime = '2030-12-31T23:00:00.000Z'
  const created = await experimental.dataExports.queue({ id, data: { ...wanted, scheduledTime } })
  assert.deepEqual([created.response.status, created.fields.id, created.fields.status], [201, id, 'pending'])
  const { fields } = (await experimental.dataExports.get({ id })).getJSON()
  fields.name = 'Renamed'
  const put = await experimental.dataExports.update({ id, data: fields })
  assert.deepEqual([put.response.status, put.fields.name, put.fields.scheduledTime], [200, 'Renamed', scheduledTime])
  await experimental.dataExports.delete({ id })
})

test('errors are the SDK\'s own', async() => {
  const invalid = await errorOf(experimental.dataExports.queue({ data: { ...wanted, name: '', arguments: { filter: 'x:1' } } }))
  assert.equal(invalid.name, 'RebillyValidationError')
  assert.ok(invalid.invalidFields.some(wrong => wrong.field === 'name'), JSON.stringify(invalid.invalidFields))
  const unknown = await errorOf(experimental.dataExports.queue({ data: { ...wanted, arguments: { filter: 'x:1' } } }))
  assert.deepEqual(unknown.invalidFields.map(wrong => wrong.field), ['arguments.filter'])
  assert.equal((await errorOf(experimental.dataExports.get({ id: 'none' }))).name, 'RebillyNotFoundError')
  const stranger = made(RebillyExperimentalAPI, { apiKey: 'nobody' })
  assert.equal((await errorOf(stranger.dataExports.getAll())).name, 'RebillyForbiddenError')
})

test('an organization is that of the key where none is named, and a session token is enough', async() => {
  const plain = made(RebillyExperimentalAPI, { organizationId: null })
  assert.ok((await plain.dataExports.getAll({ limit: 0 })).total >= 0)
  plain.setSessionToken(stack.adminKey)
  assert.ok((await plain.dataExports.getAll({ limit: 0 })).total >= 0)
})
