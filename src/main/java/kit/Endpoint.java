package kit;

/** x. */
public interface Endpoint {}
