CREATE UNLOGGED TABLE "rate_counts" (
	"name" text NOT NULL,
	"minute" bigint NOT NULL,
	"count" bigint NOT NULL,
	CONSTRAINT "rate_counts_pkey" PRIMARY KEY("name")
);
--> statement-breakpoint
ALTER TABLE "rate_counts" ENABLE ROW LEVEL SECURITY;