// The user service over Thrift: strict binary protocol, framed transport.

exception Failure {
  // As over HTTP: 403 if this user must not be deleted.
  1: i32 status,
  2: string detail
}

service Users {
  // Returns the name of a user; an unknown user is a guest.
  string getName(1: i32 uid) throws (1: Failure failure),

  string deleteUser(1: i32 uid) throws (1: Failure failure)
}
