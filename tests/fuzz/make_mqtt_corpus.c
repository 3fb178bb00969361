/* make_mqtt_corpus FOLDER: writes every vector of the codec's unit tests as a seed for mqtt_decode_fuzz. */
#include <stdio.h>

#include "codec/mqtt/mqtt_vectors.h"

static uint8_t mode_of(const struct mqtt_vector *vector)
{
    uint8_t mode = vector->packet.type == MQTT_CONNECT ? 0 : vector->version == MQTT_V311 ? 1 : 2;
    return vector->from == MQTT_FROM_SERVER ? mode | 4 : mode;
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        return 2;
    }
    for (size_t i = 0; i < V_COUNT(mqtt_vectors); i++) {
        const struct mqtt_vector *vector = &mqtt_vectors[i];
        char path[4096];
        (void)snprintf(path, sizeof path, "%s/%s", argv[1], vector->name);
        FILE *file = fopen(path, "wb");
        if (!file || fputc(mode_of(vector), file) == EOF ||
            fwrite(vector->bytes.ptr, 1, vector->bytes.len, file) != vector->bytes.len || fclose(file) != 0) {
            perror(path);
            return 1;
        }
    }
    return 0;
}
