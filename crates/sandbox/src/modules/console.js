import { console } from 'waybill:prelude';
export default console;
