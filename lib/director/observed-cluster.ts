/** A cluster with what the admin listener needs beyond what everybody may ask: figures and events. */
import type { Cluster } from './cluster.js'
import type { ClusterMeasures, Observed, PartitionMap } from './measured.js'

/** A running cluster, seen through. */
export interface ObservedCluster extends Cluster {
  /** Every figure of this moment; asks every actor. */
  measures(): Promise<ClusterMeasures>
  /** Where every partition is. */
  partitionMap(): PartitionMap
  /** @param listener called with each event as it happens; must not throw @returns ends that */
  observe(listener: (observed: Observed) => void): () => void
}
