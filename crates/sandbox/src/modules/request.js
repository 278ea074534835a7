import { environment } from 'waybill:prelude';
const request = Object.freeze({ _id: environment.request ?? null, origin: 'export', method: null, path: null, headers: Object.freeze({}), query: Object.freeze({}), body: null });
export default request;
