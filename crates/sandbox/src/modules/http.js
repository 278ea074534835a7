import { ask } from 'waybill:prelude';
export function request(method, url, options = {}) {
  const { body, headers, json } = options ?? {};
  const given = { ...headers };
  let text = json === undefined || json === true ? body : JSON.stringify(json);
  if (text !== undefined && text !== null && typeof text !== 'string') text = JSON.stringify(text);
  const reply = ask('http.request', { method, url: String(url), headers: given, body: text ?? null });
  return { ...reply, statusCode: reply.status, json() { return JSON.parse(reply.body); } };
}
export const get = (url, options) => request('GET', url, options);
export const post = (url, options) => request('POST', url, options);
export const put = (url, options) => request('PUT', url, options);
export const patch = (url, options) => request('PATCH', url, options);
export const head = (url, options) => request('HEAD', url, options);
const del = (url, options) => request('DELETE', url, options);
export { del, del as delete };
export default { request, get, post, put, patch, head, del, delete: del };
