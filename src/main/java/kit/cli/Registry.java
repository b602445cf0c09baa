// SPDX-License-Identifier: Apache-2.0
package kit.cli;

import java.util.Optional;
import kit.discovery.Instance;
import kit.discovery.Instances;
import kit.discovery.Registration;

/** One kind of registry behind a {@link RegistryUri}; what its methods promise is said there. */
interface Registry {
  Instances instances(String service);

  Registration registration(RegistryUri.Offer offer);

  /** Where the registry itself listens; empty if it is not on the network. */
  Optional<Instance> address();
}
