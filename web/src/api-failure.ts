/** A failed call, in the server's own words. `status` 0: there was no answer. */
export class ApiFailure extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}
